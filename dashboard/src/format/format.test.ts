import { describe, expect, it } from "vitest";
import { monday } from "../address/period";
import { changed, formats, locale } from "./format";

const en = formats("en-GB", "GBP", "Europe/London");
const ar = formats("ar-EG", "GBP", "Europe/London");

describe("figures", () => {
  it("are written as the language writes them", () => {
    expect(en.number(1_234_567.891)).toBe("1,234,567.89");
    expect(en.money(9_769_872.054)).toBe("£9,769,872.05");
    expect(en.money(-3)).toBe("-£3.00");
    expect(en.shortMoney(9_769_872)).toBe("£9.8m");
    expect(en.percent(0.1234)).toBe("12.3%");
    expect(ar.number(1_234)).toBe("١٬٢٣٤");
    expect(formats("ar", "GBP", "UTC").money(5)).toContain("£");
    expect(formats("ar", "GBP", "UTC").money(5)).not.toContain("UK");
  });

  it("sizes are in megabytes, or gigabytes", () => {
    expect([41_693_184, 5_200_000_000].map(en.bytes)).toEqual(["42 MB", "5 GB"]);
  });

  it("lengths of time are said as the service writes them, and what it may write besides", () => {
    expect(["15m", "24h", "7d", "10s", "1h30m"].map(en.length)).toEqual(["15 mins", "24 hrs", "7 days", "10 secs", "1h30m"]);
  });

  it("changes have a sign, unless there is none", () => {
    expect(en.change(15.98)).toBe("+16%");
    expect(en.change(-9.06)).toBe("-9.1%");
    expect(en.change(0)).toBe("0%");
  });

  it("change from something, in percent of its size", () => {
    expect(changed(150, 100)).toBe(50);
    expect(changed(-50, -100)).toBe(50);
    expect(changed(5, 0)).toBeUndefined();
    expect(changed(null, 5)).toBeUndefined();
    expect(changed(5, undefined)).toBeUndefined();
  });
});

describe("times", () => {
  it("periods are named by their grain", () => {
    expect(en.period("2026-11-29 14:00", "hour")).toBe("14:00");
    expect(en.period("2026-11-29", "day")).toBe("29 Nov");
    expect(en.period("2026-W48", "week")).toBe("23 Nov");
    expect(en.period("2026-11", "month")).toBe("Nov 2026");
    expect(en.period("as it is", "hour")).toBe("as it is");
  });

  it("weeks begin on Mondays, by ISO 8601", () => {
    expect(monday("2026-W01")).toBe("2025-12-29");
    expect(monday("2020-W53")).toBe("2020-12-28");
    expect(monday("2021-W01")).toBe("2021-01-04");
  });

  it("instants are in the zone of the page", () => {
    expect(en.time("2026-07-01T12:00:00Z")).toBe("13:00");
    expect(formats("en-GB", "GBP", "Asia/Tokyo").time("2026-07-01T12:00:00Z")).toBe("21:00");
    expect(en.instant("2011-07-01T12:00:09Z")).toBe("1 Jul 2011, 13:00:09");
    const year = new Date().getUTCFullYear();
    expect(en.instant(`${year}-07-01T12:00:09Z`)).toBe("1 Jul, 13:00:09");
  });

  it("moments of today have a time, others a day", () => {
    const now = new Date();
    expect(en.moment(now.toISOString())).toBe(en.time(now.toISOString()));
    expect(en.moment("2020-07-01T23:30:00Z")).toBe("2 Jul");
  });

  it("spans have one unit", () => {
    expect([1_999, 61_000, 3_600_000, 50 * 3_600_000].map(en.span)).toEqual(["1 sec", "1 min", "1 hr", "2 days"]);
  });
});

it("a language is written as the browser's own kind of it", () => {
  expect(locale("en", "en-US")).toBe("en-US");
  expect(locale("ar", "en-US")).toBe("ar");
  expect(locale("en", "ar-EG")).toBe("en");
});
