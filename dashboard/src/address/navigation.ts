/** The address of this page: kept in the browser's, so that back, forward and a bookmark work. */

import { Store } from "../state/store";
import { type Address, read, write, zoneHere } from "./address";

const zone = zoneHere();

export const address = new Store<Address>(read(globalThis.location?.search ?? "", zone));

/** Goes to another address. What is typed letter by letter replaces the one before. */
export function go(changes: Partial<Address>, replaces = false): void {
  const next = { ...address.state, ...changes };
  const query = write(next, zone);
  if (query === globalThis.location.search) return address.set(next);
  const url = globalThis.location.pathname + query;
  if (replaces) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  address.set(next);
}

/** Goes to the address that a link of this page has. */
go.to = (query: string): void => {
  if (query !== globalThis.location.search) history.pushState(null, "", globalThis.location.pathname + query);
  address.set(read(query, zone));
};

/** The link to another address, for what can be opened elsewhere. */
export function link(changes: Partial<Address>): string {
  return globalThis.location.pathname + write({ ...address.state, ...changes }, zone);
}

globalThis.addEventListener?.("popstate", () => address.set(read(globalThis.location.search, zone)));
