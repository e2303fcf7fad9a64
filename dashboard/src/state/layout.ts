/** Which panels the overview has, in which order and how wide: a person's own, kept by the service. */

import { authorized, session } from "./session";
import { Store } from "./store";

export const PANELS = [
  "sales",
  "feed",
  "category",
  "country",
  "payment",
  "products",
  "customers",
  "retention",
  "funnel",
  "ratings",
] as const;
export type PanelId = (typeof PANELS)[number];
export const SIZES = ["third", "half", "wide", "full"] as const;
export type Size = (typeof SIZES)[number];

export interface Placed {
  readonly id: PanelId;
  readonly size: Size;
}

export type Layout = readonly Placed[];

export const USUAL: Layout = [
  { id: "sales", size: "wide" },
  { id: "feed", size: "third" },
  { id: "category", size: "third" },
  { id: "country", size: "third" },
  { id: "payment", size: "third" },
  { id: "products", size: "half" },
  { id: "customers", size: "half" },
  { id: "retention", size: "wide" },
  { id: "funnel", size: "third" },
  { id: "ratings", size: "third" },
];

/** Reads what the service keeps; panels that this page does not know are left out. */
export function read(config: unknown): Layout {
  const panels = (config as { overview?: { panels?: unknown } } | null)?.overview?.panels;
  if (!Array.isArray(panels)) return USUAL;
  const layout: Placed[] = [];
  for (const given of panels as Partial<Placed>[]) {
    const id = PANELS.find((it) => it === given?.id);
    const size = SIZES.find((it) => it === given?.size);
    if (id !== undefined && !layout.some((it) => it.id === id)) layout.push({ id, size: size ?? "third" });
  }
  return layout.length === 0 ? USUAL : layout;
}

/** The same with one panel some places further on, or back. */
export function moved(layout: Layout, id: PanelId, by: number): Layout {
  const from = layout.findIndex((it) => it.id === id);
  const to = Math.min(layout.length - 1, Math.max(0, from + by));
  const placed = layout[from];
  if (placed === undefined || to === from) return layout;
  const rest = layout.filter((it) => it !== placed);
  return [...rest.slice(0, to), placed, ...rest.slice(to)];
}

/** The same with one panel at the place of another. */
export function put(layout: Layout, id: PanelId, at: PanelId): Layout {
  const index = (of: PanelId) => layout.findIndex((it) => it.id === of);
  return index(id) < 0 || index(at) < 0 ? layout : moved(layout, id, index(at) - index(id));
}

/** The same with one panel as wide as the next size. */
export function resized(layout: Layout, id: PanelId): Layout {
  return layout.map((it) => {
    if (it.id !== id) return it;
    return { id, size: SIZES[(SIZES.indexOf(it.size) + 1) % SIZES.length] ?? "third" };
  });
}

export function removed(layout: Layout, id: PanelId): Layout {
  return layout.length === 1 ? layout : layout.filter((it) => it.id !== id);
}

export function added(layout: Layout, id: PanelId): Layout {
  if (layout.some((it) => it.id === id)) return layout;
  return [...layout, { id, size: USUAL.find((it) => it.id === id)?.size ?? "third" }];
}

/** `undefined` until it is known. */
export const layout = new Store<{ readonly layout: Layout | undefined }>({ layout: undefined });

let config: Record<string, unknown> = {};
let saving: ReturnType<typeof setTimeout> | undefined;
/** A pause, in milliseconds, after which changes are kept. */
const PAUSE = 500;

/** Asks for the person's own layout; it is the usual one where that fails. */
export async function load(): Promise<void> {
  try {
    const { data } = await authorized<{ config: Record<string, unknown> }>("/api/dashboard/config");
    config = data.config;
    layout.set({ layout: read(config) });
  } catch {
    if (layout.state.layout === undefined) layout.set({ layout: USUAL });
  }
}

/** Changes the layout, and has it kept. */
export function change(next: Layout): void {
  layout.set({ layout: next });
  config = { ...config, overview: { panels: next } };
  clearTimeout(saving);
  saving = setTimeout(() => {
    void authorized("/api/dashboard/config", { method: "POST", body: { config } }).catch(() => undefined);
  }, PAUSE);
}

session.subscribe(() => {
  if (session.state.is === "out") layout.set({ layout: undefined });
});
