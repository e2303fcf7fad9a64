/** Ranges of days, in a zone. Days are texts, `2026-11-29`. */

export const PRESETS = ["today", "7d", "30d", "90d", "12m", "all"] as const;
export type Preset = (typeof PRESETS)[number];

export interface Days {
  /** The first day; none for all time. */
  readonly from: string | undefined;
  /** The last day, which is included. */
  readonly to: string | undefined;
}

export type Grain = "hour" | "day" | "week" | "month";

const DAY_MS = 86_400_000;

/** Whether a text is a day that there is. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The day that it is in a zone. */
export function today(zone: string, now: Date = new Date()): string {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  return parts.format(now);
}

/** The day that is so many days after another one. */
export function plus(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The number of days from one day to another, both included. */
export function count(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS) + 1;
}

/** The days of a preset. */
export function days(preset: Preset, zone: string, now: Date = new Date()): Days {
  const to = today(zone, now);
  switch (preset) {
    case "today":
      return { from: to, to };
    case "7d":
      return { from: plus(to, -6), to };
    case "30d":
      return { from: plus(to, -29), to };
    case "90d":
      return { from: plus(to, -89), to };
    case "12m":
      return { from: plus(to, -364), to };
    case "all":
      return { from: undefined, to: undefined };
  }
}

/** The length of a chart's periods that is neither crowded nor empty. */
export function grain({ from, to }: Days): Grain {
  if (from === undefined || to === undefined) return "month";
  const length = count(from, to);
  if (length <= 2) return "hour";
  if (length <= 92) return "day";
  return length <= 550 ? "week" : "month";
}

/** The same number of days before, or the same days a year before: as the service compares. */
export function before({ from, to }: Days, how: "previous" | "year"): Days | undefined {
  if (from === undefined || to === undefined) return undefined;
  if (how === "previous") {
    const length = count(from, to);
    return { from: plus(from, -length), to: plus(from, -1) };
  }
  const earlier = (day: string) => {
    const year = String(Number(day.slice(0, 4)) - 1).padStart(4, "0");
    const same = year + day.slice(4);
    return isDay(same) ? same : `${year}-02-28`;
  };
  return { from: earlier(from), to: earlier(to) };
}
