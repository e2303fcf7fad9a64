/** The paths of views: a query of the API with the parameters that an address asks for. */

import { type Address, daysOf } from "./address";
import { type Days, before, grain } from "./range";

type Value = string | number | undefined;

/** A path with the parameters that are there. */
export function path(at: string, parameters: Record<string, Value>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? at : `${at}?${text}`;
}

/** The first day that any shop has sales of; asked for where a trend is to cover all time. */
const EVER = "2000-01-01";

/** Dates and zone, as the API takes them. */
export function range(address: Address, days: Days = daysOf(address)): Record<string, Value> {
  return { startDate: days.from ?? EVER, endDate: days.to, tz: address.zone };
}

/** The same with the periods of a chart. Those of all time have no gaps filled: it has no beginning. */
export function series(address: Address, days: Days = daysOf(address)): Record<string, Value> {
  const fill = days.from === undefined ? undefined : "zero";
  return { ...range(address, days), period: grain(days), fill };
}

/** The comparison that is asked for, where the range has a length. */
export function compared(address: Address): Record<string, Value> {
  const isEndless = daysOf(address).from === undefined;
  return address.compare === "none" || isEndless ? {} : { compare: address.compare };
}

/** The days to compare with. */
export function earlier(address: Address): Days | undefined {
  return address.compare === "none" ? undefined : before(daysOf(address), address.compare);
}
