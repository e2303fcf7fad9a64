import type { ComponentChildren } from "preact";
import { type Figure, type Part, filtered } from "../address/address";
import { address, go } from "../address/navigation";
import { type View, naming, path, range, series, taken } from "../address/views";
import type { Pages, Series, Sold } from "../state/shapes";
import { useStore } from "../state/store";
import { Opens } from "./Figure";
import { List, SORTS } from "./List";
import { type Fact, Facts, OneHead, SeriesPanel } from "./One";
import { Panel } from "./Panel";
import type { Column } from "./Table";
import { type Shows, useFigures, useShows } from "./use";
import { useViews } from "./useViews";

/** What sales are counted by one at a time: its page, its filter and its views. */
export interface Kind {
  readonly page: "products" | "customers";
  readonly filter: "productId" | "userId";
  readonly list: View & ("/api/products" | "/api/customers");
  readonly one: View & ("/api/products/{id}" | "/api/customers/{id}");
}

export const PRODUCTS: Kind = { page: "products", filter: "productId", list: "/api/products", one: "/api/products/{id}" };
export const CUSTOMERS: Kind = { page: "customers", filter: "userId", list: "/api/customers", one: "/api/customers/{id}" };

/** A figure of one, which opens what it is made of. */
function opens({ say }: Shows, figure: Figure, part: Part, shown: string): ComponentChildren {
  return (
    <Opens figure={figure} part={part} name={`${say(`figure.${figure}`)}, ${part.value}`}>
      {shown}
    </Opens>
  );
}

interface Member {
  readonly of: Figure;
  readonly title: "list.orders" | "list.units" | "list.returned" | "list.netSales";
  readonly value: (sold: Sold, shows: Shows) => string;
}

const MEMBERS: readonly Member[] = [
  { of: "totalOrders", title: "list.orders", value: (it, { formats }) => formats.number(it.orders) },
  { of: "units", title: "list.units", value: (it, { formats }) => formats.number(it.units) },
  { of: "returnedAmount", title: "list.returned", value: (it, { formats }) => formats.money(it.returnedAmount) },
  { of: "netSales", title: "list.netSales", value: (it, { formats }) => formats.money(it.netSales) },
];

interface AllProps<A extends Pages, R> {
  readonly kind: Kind;
  /** What they have besides what was sold. */
  readonly columns: readonly Column<R>[];
  readonly rows: (answer: A) => readonly R[];
  readonly id: (row: R) => string;
}

/** All of them, with what was sold in the range. */
export function AllSold<A extends Pages, R extends { readonly sold: Sold }>({ kind, columns, rows, id }: AllProps<A, R>) {
  const shows = useShows();
  const at = useStore(address, (it) => it);
  const sold = MEMBERS.map(
    ({ of, title, value }): Column<R> => ({
      title: shows.say(title),
      isNumber: true,
      isMinor: of === "units" || of === "returnedAmount",
      cell: (row) => opens(shows, of, { name: kind.filter, value: id(row) }, value(row.sold, shows)),
    }),
  );
  return (
    <List<A, R>
      title={shows.say(`page.${kind.page}`)}
      at={kind.list}
      parameters={{ ...range(at), ...taken(at.filters, kind.list) }}
      sorts={SORTS}
      hint={shows.say("list.searchProducts")}
      columns={[...columns, ...sold]}
      rows={rows}
      id={id}
    />
  );
}

interface OneProps<T> {
  readonly kind: Kind;
  readonly id: string;
  readonly title: string;
  readonly name: (it: T) => string | null;
  /** What it has besides what was sold. */
  readonly facts: (it: T) => readonly Fact[];
  readonly more?: (it: T) => ComponentChildren;
}

/** One of them: its facts, what was sold in the range, and its series. */
export function OneSold<T extends Series & { readonly sold: Sold }>({ kind, id, title, name, facts, more }: OneProps<T>) {
  const shows = useShows();
  const { say } = shows;
  const at = useStore(address, (it) => it);
  const asked = path(kind.one.replace("{id}", encodeURIComponent(id)), series(at));
  useViews([asked, naming(at.filters)]);
  const figures = useFigures<T>(asked);
  const it = figures.data;
  const part: Part = { name: kind.filter, value: id };
  const sold = (of: Sold) => MEMBERS.map(({ of: figure, title, value }): Fact => [say(title), opens(shows, figure, part, value(of, shows))]);
  const filter = () => go({ page: "overview", id: undefined, filters: filtered(at.filters, kind.filter, id) });
  return (
    <>
      <OneHead page={kind.page} id={id} name={it === undefined ? id : name(it)} />
      <div class="grid">
        <Panel
          title={title}
          figures={figures}
          view={kind.one}
          tools={
            <button type="button" class="link" onClick={filter}>
              {say("list.onOverview")}
            </button>
          }
        >
          {() => it !== undefined && <Facts facts={[[say("list.id"), id], ...facts(it), ...sold(it.sold)]} />}
        </Panel>
        <SeriesPanel figures={figures} view={kind.one} />
        {it !== undefined && more?.(it)}
      </div>
    </>
  );
}
