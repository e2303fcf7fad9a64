/** The paths of views: a query of the API with the parameters that an address asks for. */

import { type Address, FILTERS, type Filter, daysOf } from "./address";
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

/** The filters that the figures of each view can be of. docs/openapi.json says the same, which a test compares. */
export const TAKES = {
  "/api/customers": ["country"],
  "/api/customers/{id}": [],
  "/api/metrics/actives": [],
  "/api/metrics/actives/customers": [],
  "/api/metrics/behaviour": ["country", "userId"],
  "/api/metrics/customers": ["country", "userId"],
  "/api/metrics/explain": FILTERS,
  "/api/metrics/feedback": ["productId"],
  "/api/metrics/funnel": ["category"],
  "/api/metrics/funnel/customers": ["category"],
  "/api/metrics/products": ["category", "productId"],
  "/api/metrics/retention": [],
  "/api/metrics/retention/customers": [],
  "/api/metrics/revenue": FILTERS,
  "/api/metrics/sales": FILTERS,
  "/api/metrics/sales/customers": ["category"],
  "/api/metrics/sessions": ["country"],
  "/api/metrics/transactions": FILTERS,
  "/api/orders": FILTERS,
  "/api/products": ["category"],
  "/api/products/{id}": [],
} as const satisfies Record<string, readonly Filter[]>;

export type View = keyof typeof TAKES;

/** Those of the filters that a view takes. */
export function taken(filters: Address["filters"], view: View): Record<string, Value> {
  const takes: readonly Filter[] = TAKES[view];
  return Object.fromEntries(takes.map((name) => [name, filters[name]]));
}

/** The filters that are on, and that a view does not take. */
export function untaken(filters: Address["filters"], view: View): readonly Filter[] {
  const takes: readonly Filter[] = TAKES[view];
  return FILTERS.filter((name) => filters[name] !== undefined && !takes.includes(name));
}

/** The view that knows the name of what is filtered by. */
export function naming({ productId, userId }: Address["filters"]): string | undefined {
  if (productId !== undefined) return `/api/products/${encodeURIComponent(productId)}?limit=1`;
  return userId === undefined ? undefined : `/api/customers/${encodeURIComponent(userId)}?limit=1`;
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

/** The days of the figure that is explained. */
export function explained(address: Address): Days {
  if (address.day !== undefined) return { from: address.day, to: address.day };
  return (address.isBefore ? earlier(address) : undefined) ?? daysOf(address);
}

/** The days to compare with. */
export function earlier(address: Address): Days | undefined {
  return address.compare === "none" ? undefined : before(daysOf(address), address.compare);
}
