/** Rules as the API has them, and as the form writes them. */

import { FILTERS, type Filter } from "../../address/address";
import { TAKES, type View, path } from "../../address/views";
import type { Formats } from "../../format/format";
import type { Condition, Recorded } from "../../state/alerts";
import type { Role } from "../../state/session";
import type { Key } from "../../words/words";

export interface Rule {
  readonly id: string;
  readonly name: string;
  readonly role: Role | null;
  readonly view: string;
  readonly figure: string | null;
  readonly window: string | null;
  readonly condition: Condition;
  readonly quietTime: string;
  readonly deliver: { readonly mail: boolean; readonly webhook: { readonly url: string } | null };
  readonly isActive: boolean;
  readonly state: {
    readonly holds: boolean;
    readonly since: string | null;
    readonly value: number | null;
    readonly trouble: string | null;
  };
}

/** A figure that the form offers. */
interface Watched {
  readonly name: Key;
  readonly view: View;
  /** A JSON pointer into the view's answer. */
  readonly figure: string;
  readonly is: "money" | "number" | "percent";
}

export const WATCHED = {
  netSales: { name: "figure.netSales", view: "/api/metrics/sales", figure: "/totalRevenue", is: "money" },
  orders: { name: "figure.totalOrders", view: "/api/metrics/sales", figure: "/totalOrders", is: "number" },
  averageOrder: { name: "figure.averageOrder", view: "/api/metrics/sales", figure: "/averageOrderValue", is: "money" },
  customers: { name: "figure.customers", view: "/api/metrics/sales", figure: "/uniqueCustomers", is: "number" },
  returns: { name: "figure.returnedAmount", view: "/api/metrics/sales", figure: "/returnedAmount", is: "money" },
  conversion: { name: "figure.conversion", view: "/api/metrics/funnel", figure: "/conversion", is: "percent" },
  sessions: { name: "behaviour.sessions", view: "/api/metrics/sessions", figure: "/sessions", is: "number" },
  bounceRate: { name: "behaviour.bounceRate", view: "/api/metrics/sessions", figure: "/bounceRate", is: "percent" },
  actives: { name: "behaviour.actives", view: "/api/metrics/actives", figure: "/active", is: "number" },
  rating: { name: "panel.ratings", view: "/api/metrics/feedback", figure: "/averageRating", is: "number" },
} as const satisfies Record<string, Watched>;

export type WatchedId = keyof typeof WATCHED;
export const WATCHED_IDS = Object.keys(WATCHED) as readonly WatchedId[];

/** What the form has in its fields. Numbers are texts there; a percentage is of 100. */
export interface Draft {
  readonly name: string;
  /** One of those that are offered, or another view. */
  readonly watched: WatchedId | "other";
  /** What it is only of, where it is of a part. */
  readonly filter: Filter | "";
  readonly value: string;
  /** Of another view. */
  readonly view: string;
  readonly figure: string;
  readonly is: Condition["is"];
  readonly bound: string;
  readonly percent: string;
  readonly direction: "up" | "down" | "either";
  readonly duration: string;
  /** Empty where it is the view's own range. */
  readonly window: string;
  readonly quietTime: string;
  readonly mail: boolean;
  readonly webhook: string;
  /** Empty where the rule is one's own. */
  readonly role: string;
  readonly isActive: boolean;
}

export const BLANK: Draft = {
  name: "",
  watched: "netSales",
  filter: "",
  value: "",
  view: "/api/metrics/sales",
  figure: "totalRevenue",
  is: "above",
  bound: "",
  percent: "20",
  direction: "either",
  duration: "30m",
  window: "1d",
  quietTime: "15m",
  mail: false,
  webhook: "",
  role: "",
  isActive: true,
};

interface Meant {
  readonly id: WatchedId;
  readonly filter: Filter | "";
  readonly value: string;
}

/** Which of the offered figures a rule is about, if it is about one, and of what part. */
export function meant(view: string, figure: string | null): Meant | undefined {
  const [at = "", query = ""] = view.split("?");
  const parameters = [...new URLSearchParams(query)];
  const [name = "", value = ""] = parameters[0] ?? [];
  const filter = FILTERS.find((it) => it === name);
  const id = WATCHED_IDS.find((it) => WATCHED[it].view === at && (figure === null || WATCHED[it].figure === figure));
  if (id === undefined || parameters.length > 1 || (parameters.length === 1 && filter === undefined)) return undefined;
  return { id, filter: filter ?? "", value };
}

/** The filters that a figure can be of. */
export function filtersOf(watched: Draft["watched"]): readonly Filter[] {
  return watched === "other" ? [] : TAKES[WATCHED[watched].view];
}

/** Rounds away what a division by 100 leaves in binary. */
const round = (value: number) => Number(value.toPrecision(12));

export function draft(rule: Rule): Draft {
  const { condition, deliver } = rule;
  const of = meant(rule.view, rule.figure);
  const scale = of !== undefined && WATCHED[of.id].is === "percent" ? 100 : 1;
  return {
    name: rule.name,
    watched: of?.id ?? "other",
    filter: of?.filter ?? "",
    value: of?.value ?? "",
    view: rule.view,
    figure: rule.figure ?? "",
    is: condition.is,
    bound: condition.value === undefined ? "" : String(round(condition.value * scale)),
    percent: String(condition.percent ?? BLANK.percent),
    direction: condition.direction ?? "either",
    duration: condition.duration ?? BLANK.duration,
    window: rule.window ?? "",
    quietTime: rule.quietTime,
    mail: deliver.mail,
    webhook: deliver.webhook?.url ?? "",
    role: rule.role ?? "",
    isActive: rule.isActive,
  };
}

/** A number as it was typed; what is none goes to the service as it is, which says so. */
function number(text: string, scale = 1): number | string | null {
  if (text.trim() === "") return null;
  const value = Number(text);
  return Number.isNaN(value) ? text : round(value / scale);
}

/** What is sent of a draft. */
export function body(draft: Draft): Record<string, unknown> {
  const { watched, filter, value, is } = draft;
  const of = watched === "other" ? undefined : WATCHED[watched];
  const view = of === undefined ? draft.view : path(of.view, filter === "" ? {} : { [filter]: value });
  const isSilence = is === "noEventsFor";
  const conditions = {
    above: { is, value: number(draft.bound, of?.is === "percent" ? 100 : 1) },
    below: { is, value: number(draft.bound, of?.is === "percent" ? 100 : 1) },
    changedBy: { is, percent: number(draft.percent), direction: draft.direction },
    noEventsFor: { is, duration: draft.duration },
  };
  return {
    name: draft.name,
    view,
    ...(isSilence ? {} : { figure: of?.figure ?? draft.figure }),
    ...(isSilence || draft.window === "" ? {} : { window: draft.window }),
    condition: conditions[is],
    quietTime: draft.quietTime,
    deliver: { mail: draft.mail, ...(draft.webhook === "" ? {} : { webhook: { url: draft.webhook } }) },
    ...(draft.role === "" ? {} : { role: draft.role }),
    isActive: draft.isActive,
  };
}

interface Shows {
  readonly say: (key: Key, values?: Readonly<Record<string, string>>) => string;
  readonly formats: Formats;
}

/** A figure as it is written: money, a number, or a percentage. */
export function shown({ formats }: Shows, view: string, figure: string | null, value: number | null): string {
  if (value === null) return "–";
  const of = meant(view, figure);
  switch (of === undefined ? "number" : WATCHED[of.id].is) {
    case "money":
      return formats.money(value);
    case "percent":
      return formats.percent(value);
    case "number":
      return formats.number(value);
  }
}

/** What a rule looks for, in a sentence: `Net sales of Germany above £100 in 24 hr`. */
export function sentence(shows: Shows, rule: Pick<Recorded, "view" | "figure" | "window" | "condition">): string {
  const { say, formats } = shows;
  const { view, figure, window, condition } = rule;
  const of = meant(view, figure);
  const own = (figure ?? view).split("?")[0]?.split("/").pop() ?? "";
  const name = of === undefined ? own : say(WATCHED[of.id].name);
  const whole = of === undefined || of.filter === "" ? name : say("alert.of", { name, value: of.value });
  const range = window === null ? "" : say("alert.in", { window: formats.length(window) });
  switch (condition.is) {
    case "above":
    case "below":
      return say(`alert.${condition.is}`, { name: whole, value: shown(shows, view, figure, condition.value ?? null) }) + range;
    case "changedBy": {
      const value = formats.percent((condition.percent ?? 0) / 100);
      return say(`alert.changed.${condition.direction ?? "either"}`, { name: whole, value }) + range;
    }
    case "noEventsFor":
      return say("alert.noEventsFor", { name: of === undefined ? own : name, value: formats.length(condition.duration ?? "") });
  }
}
