/** What the page shows, as its address says it. What is as usual is left out of it. */

import { type Days, type Preset, PRESETS, days, isDay } from "./range";

export const PAGES = ["overview", "products", "customers", "orders", "behaviour", "alerts", "systems", "people"] as const;
export type Page = (typeof PAGES)[number];
export const COMPARE = ["none", "previous", "year"] as const;
export type Compare = (typeof COMPARE)[number];
export const FILTERS = ["category", "country", "paymentMethod", "productId", "userId"] as const;
export type Filter = (typeof FILTERS)[number];
export const FIGURES = ["netSales", "grossSales", "discounts", "returnedAmount", "totalOrders", "units"] as const;
/** A figure that the service explains: by the orders, sales and refunds that add up to it. */
export type Figure = (typeof FIGURES)[number];
/** Figures that are made of others. */
export const MADE = ["averageOrder", "customers", "conversion", "bounceRate", "perSession", "averageRating"] as const;
export type Made = (typeof MADE)[number];
/** Figures of distinct customers, each of whom the service names. */
export const WHO = [
  "buyers",
  "cohort",
  "viewed",
  "added",
  "purchased",
  "active",
  "new",
  "returning",
  "now",
  "daily",
  "weekly",
  "monthly",
] as const;
export type Who = (typeof WHO)[number];
/** Figures that are counted over time, and not kept one by one. */
export const COUNTS = ["activities", "sessions", "bounces", "ratings"] as const;
export type Count = (typeof COUNTS)[number];
export type Explained = Figure | Made | Who | Count;
const EXPLAINED: readonly Explained[] = [...FIGURES, ...MADE, ...WHO, ...COUNTS];
/** What a part of a figure can be of, besides filters: a cohort is `2026-03`, or `2026-03+2` for those who bought two months later. */
const PARTS = [...FILTERS, "activityType", "device", "pagePath", "rating", "cohort"] as const;

/** The part of a figure that has one value: the sales of a category, a product, a customer. */
export interface Part {
  readonly name: (typeof PARTS)[number];
  readonly value: string;
}

export interface Address {
  readonly page: Page;
  /** The one that a page is about, of those that it lists. */
  readonly id: string | undefined;
  readonly range: Preset | "custom";
  /** The days of a custom range. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly zone: string;
  readonly compare: Compare;
  readonly filters: Readonly<Partial<Record<Filter, string>>>;
  readonly live: boolean;
  readonly search: string;
  readonly sort: string | undefined;
  /** The figure that is explained, the part of it that was chosen, and the day that is opened. */
  readonly explain: Explained | undefined;
  readonly part: Part | undefined;
  readonly day: string | undefined;
  /** Whether it is the figure of the time that is compared with. */
  readonly isBefore: boolean;
}

/** The zone of this machine. */
export function zoneHere(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

export function usual(zone: string): Address {
  return {
    page: "overview",
    id: undefined,
    range: "30d",
    from: undefined,
    to: undefined,
    zone,
    compare: "previous",
    filters: {},
    live: true,
    search: "",
    sort: undefined,
    explain: undefined,
    part: undefined,
    day: undefined,
    isBefore: false,
  };
}

function one<T extends string>(all: readonly T[], text: string | null): T | undefined {
  return all.find((it) => it === text);
}

/** Reads a query string. What it does not understand is as usual. */
export function read(query: string, zone: string): Address {
  const given = new URLSearchParams(query);
  const text = (name: string) => given.get(name) || undefined;
  const day = (name: string) => {
    const value = text(name);
    return value !== undefined && isDay(value) ? value : undefined;
  };
  const base = usual(zone);
  const [from, to] = [day("from"), day("to")];
  const isCustom = given.get("range") === "custom" && from !== undefined && to !== undefined && from <= to;
  let filters: Address["filters"] = {};
  for (const name of FILTERS) {
    const value = text(name);
    if (value !== undefined) filters = filtered(filters, name, value);
  }
  const asked = text("zone");
  return {
    page: one(PAGES, given.get("page")) ?? base.page,
    id: text("id"),
    range: isCustom ? "custom" : (one(PRESETS, given.get("range")) ?? base.range),
    from: isCustom ? from : undefined,
    to: isCustom ? to : undefined,
    zone: asked !== undefined && isZone(asked) ? asked : zone,
    compare: one(COMPARE, given.get("compare")) ?? base.compare,
    filters,
    live: given.get("live") !== "off",
    search: text("search") ?? "",
    sort: text("sort"),
    explain: one(EXPLAINED, given.get("explain")),
    part: part(text("part")),
    day: day("day"),
    isBefore: given.get("of") === "before",
  };
}

/** Reads `country:Germany`. */
function part(text: string | undefined): Part | undefined {
  const [, given = "", value = ""] = /^(\w+):(.+)$/.exec(text ?? "") ?? [];
  const name = one(PARTS, given);
  return name === undefined ? undefined : { name, value };
}

/** Writes a query string, with its `?`; empty where all is as usual. */
export function write(address: Address, zone: string): string {
  const base = usual(zone);
  const written = new URLSearchParams();
  const put = (name: string, value: string | undefined, common?: string) => {
    if (value !== undefined && value !== "" && value !== common) written.set(name, value);
  };
  put("page", address.page, base.page);
  put("id", address.id);
  put("range", address.range, base.range);
  if (address.range === "custom") {
    put("from", address.from);
    put("to", address.to);
  }
  put("zone", address.zone, base.zone);
  put("compare", address.compare, base.compare);
  for (const name of FILTERS) put(name, address.filters[name]);
  put("live", address.live ? undefined : "off");
  put("search", address.search);
  put("sort", address.sort);
  put("explain", address.explain);
  put("part", address.part && `${address.part.name}:${address.part.value}`);
  put("day", address.day);
  put("of", address.isBefore ? "before" : undefined);
  const text = written.toString();
  return text === "" ? "" : `?${text}`;
}

/** What changes where nothing is explained any more. */
export const UNEXPLAINED = { explain: undefined, part: undefined, day: undefined, isBefore: false } as const;

/** The days that an address asks for. */
export function daysOf({ range, from, to, zone }: Address, now?: Date): Days {
  return range === "custom" ? { from, to } : days(range, zone, now);
}

/**
 * The filters with one more. A product or a customer stands alone, as the service counts by one of
 * these or by the others.
 */
export function filtered(filters: Address["filters"], name: Filter, value: string): Address["filters"] {
  if (name === "productId" || name === "userId") return { [name]: value };
  const { productId: _product, userId: _user, ...rest } = filters;
  return { ...rest, [name]: value };
}

/** The filters with the part of a figure that was chosen, where that is one of them. */
export function withPart(filters: Address["filters"], part: Part | undefined): Address["filters"] {
  const name = one(FILTERS, part?.name ?? null);
  return part === undefined || name === undefined ? filters : filtered(filters, name, part.value);
}

export function without(filters: Address["filters"], name: Filter): Address["filters"] {
  const { [name]: _gone, ...rest } = filters;
  return rest;
}
