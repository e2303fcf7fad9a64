/** The days of a chart's periods. */

import { type Days, plus } from "./range";

/** The Monday of an ISO week, `2026-W48`. */
export function monday(week: string): string {
  const [year = "", number = ""] = week.split("-W");
  // The 4th of January is in the first week.
  const fourth = new Date(`${year}-01-04T00:00:00Z`);
  const since = (fourth.getUTCDay() + 6) % 7;
  return plus(fourth.toISOString().slice(0, 10), (Number(number) - 1) * 7 - since);
}

/** The days of an hour, a day, a week or a month by its id. */
export function daysOfPeriod(id: string): Days & { readonly from: string; readonly to: string } {
  if (id.includes("W")) return { from: monday(id), to: plus(monday(id), 6) };
  if (id.length !== 7) return { from: id.slice(0, 10), to: id.slice(0, 10) };
  const [year = 0, month = 0] = id.split("-").map(Number);
  return { from: `${id}-01`, to: new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10) };
}
