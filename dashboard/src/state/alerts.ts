/** The alerts that were recorded for the person: they come by the topic `alerts`, the newest first. */

import { board } from "./figures";
import { session } from "./session";
import { Store } from "./store";

export interface Condition {
  readonly is: "above" | "below" | "changedBy" | "noEventsFor";
  readonly value?: number;
  readonly percent?: number;
  readonly direction?: "up" | "down" | "either";
  readonly duration?: string;
}

export interface Recorded {
  /** Ids are in the order of time. */
  readonly id: string;
  readonly alertId: string;
  readonly name: string;
  readonly view: string;
  readonly figure: string | null;
  readonly window: string | null;
  readonly condition: Condition;
  readonly value: number | null;
  readonly before: number | null;
  readonly at: string;
}

export interface AlertsState {
  /** `undefined` until they are known. */
  readonly recorded: readonly Recorded[] | undefined;
  /** The newest one that the person has looked at; empty where there is none. */
  readonly seen: string;
  /** One that came while the page is open, until it is looked at. */
  readonly fresh: Recorded | undefined;
}

const KEPT = "adaptive-bi.alerts-seen";
const NOTHING: AlertsState = { recorded: undefined, seen: "", fresh: undefined };

export const alerts = new Store<AlertsState>(NOTHING);

/** How many came since the person looked. */
export function unseen({ recorded = [], seen }: AlertsState): number {
  return recorded.filter((it) => it.id > seen).length;
}

/** The state with what the topic says now. What there is at first is no news, as it came before. */
export function taken(state: AlertsState, recorded: readonly Recorded[]): AlertsState {
  const newest = recorded[0];
  const isNews = newest !== undefined && state.recorded !== undefined && newest.id > (state.recorded[0]?.id ?? "");
  return { ...state, recorded, fresh: isNews ? newest : state.fresh };
}

/** The person looks at them. */
export function look(): void {
  const seen = alerts.state.recorded?.[0]?.id ?? alerts.state.seen;
  alerts.set({ seen, fresh: undefined });
  const who = session.state.user?.id;
  if (who !== undefined && seen !== "") localStorage.setItem(KEPT, JSON.stringify({ who, seen }));
}

/** Puts the notice of the newest one away. */
export function dismiss(): void {
  alerts.set({ fresh: undefined });
}

function kept(who: string | undefined): string {
  try {
    const read = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as { who?: string; seen?: string };
    return read.who === who && typeof read.seen === "string" ? read.seen : "";
  } catch {
    return "";
  }
}

board.follow<{ alerts: readonly Recorded[] }>("alerts", ({ alerts: recorded }) => {
  const seen = alerts.state.recorded === undefined ? kept(session.state.user?.id) : alerts.state.seen;
  alerts.set(taken({ ...alerts.state, seen }, recorded));
});

session.subscribe(() => {
  if (session.state.is === "out") alerts.set(NOTHING);
});
