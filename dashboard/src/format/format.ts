/** Numbers, money and dates as a language writes them. */

import { monday } from "../address/period";
import type { Grain } from "../address/range";

export interface Formats {
  /** `1,234` */
  number(value: number): string;
  /** `1.2K` */
  short(value: number): string;
  /** `£1,234.50` */
  money(value: number): string;
  /** `£1.2K`, for axes. */
  shortMoney(value: number): string;
  /** A part of 1: `12.5 %` */
  percent(part: number): string;
  /** A difference in percent, with its sign: `+12.5 %` */
  change(percent: number): string;
  /** A day, `2026-11-29`: `29 Nov 2026` */
  day(day: string): string;
  /** An instant in the zone of the page, with its year unless it is this one: `29 Nov, 14:05:09` */
  instant(instant: string): string;
  /** The same without seconds: `29 Nov, 14:05` */
  minute(instant: string): string;
  /** The time of an instant: `14:05` */
  time(instant: string): string;
  /** The time of an instant of today, the day of another: `14:05`, `27 Nov` */
  moment(instant: string): string;
  /** The period of a trend: `29 Nov`, `week of 23 Nov`, `Nov 2026`, `14:00` */
  period(id: string, grain: Grain): string;
  /** A size in bytes: `41 MB` */
  bytes(bytes: number): string;
  /** How long ago something was: `2 s`, `5 min` */
  span(ms: number): string;
  /** A length of time as the API writes it, `24h`: `24 hr` */
  length(text: string): string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The locale that a language of the page is written in: the browser's own where it is one of it. */
export function locale(language: string, own: string = globalThis.navigator?.language ?? "en"): string {
  return own.split("-")[0] === language ? own : language;
}

/**
 * Writes amounts with the sign that the currency has at home: a page has one currency, and `£` says no
 * less than what a language tells it from others by.
 */
function amounts(language: string, currency: string, more: Intl.NumberFormatOptions): (value: number) => string {
  const options = { style: "currency", currency, currencyDisplay: "narrowSymbol", ...more } as const;
  const format = new Intl.NumberFormat(language, options);
  const home = new Intl.NumberFormat("en", options).formatToParts(0).find((it) => it.type === "currency");
  return (value) =>
    format
      .formatToParts(value)
      .map((it) => (it.type === "currency" ? (home?.value ?? it.value) : it.value))
      .join("");
}

export function formats(language: string, currency: string, zone: string): Formats {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const money = amounts(language, currency, {});
  const shortMoney = amounts(language, currency, { notation: "compact", maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const change = new Intl.NumberFormat(language, {
    style: "percent",
    maximumFractionDigits: 1,
    signDisplay: "exceptZero",
  });
  const date = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, options);
  const ofDay = date({ dateStyle: "medium", timeZone: "UTC" });
  const shortDay = date({ day: "numeric", month: "short", timeZone: "UTC" });
  const ofMonth = date({ month: "short", year: "numeric", timeZone: "UTC" });
  const minute = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: zone } as const;
  const [ofMinute, ofOldMinute] = [date(minute), date({ ...minute, year: "numeric" })];
  const [ofInstant, ofOldInstant] = [date({ ...minute, second: "2-digit" }), date({ ...minute, year: "numeric", second: "2-digit" })];
  const ofHour = date({ hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  const ofHere = date({ day: "numeric", month: "short", timeZone: zone });
  const ofTime = date({ hour: "2-digit", minute: "2-digit", timeZone: zone });
  const unit = (unit: string) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 });
  const [megabytes, gigabytes] = [unit("megabyte"), unit("gigabyte")];
  const [seconds, minutes, hours, wholeDays] = [unit("second"), unit("minute"), unit("hour"), unit("day")];
  /** An instant with its year unless it is this one. */
  const written = (instant: string, short: Intl.DateTimeFormat, long: Intl.DateTimeFormat) => {
    const at = new Date(instant);
    return (at.getUTCFullYear() === new Date().getUTCFullYear() ? short : long).format(at);
  };
  const utc = (day: string) => new Date(`${day}T00:00:00Z`);
  return {
    number: (value) => number.format(value),
    short: (value) => short.format(value),
    money,
    shortMoney,
    percent: (part) => percent.format(part),
    change: (value) => change.format(value / 100),
    day: (day) => ofDay.format(utc(day)),
    instant: (instant) => written(instant, ofInstant, ofOldInstant),
    minute: (instant) => written(instant, ofMinute, ofOldMinute),
    time: (instant) => ofTime.format(new Date(instant)),
    moment: (instant) => {
      const at = new Date(instant);
      return ofHere.format(at) === ofHere.format(new Date()) ? ofTime.format(at) : ofHere.format(at);
    },
    period: (id, grain) => {
      switch (grain) {
        case "hour": {
          // `2026-11-29 14:00`, in the zone that was asked for.
          if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$/.test(id)) return id;
          return ofHour.format(new Date(`${id.replace(" ", "T")}:00Z`));
        }
        case "day":
          return shortDay.format(utc(id));
        case "week":
          return shortDay.format(utc(monday(id)));
        case "month":
          return ofMonth.format(utc(`${id}-01`));
      }
    },
    bytes: (bytes) => (bytes < 1e9 ? megabytes.format(bytes / 1e6) : gigabytes.format(bytes / 1e9)),
    span: (ms) => {
      if (ms < MINUTE) return seconds.format(Math.floor(ms / 1_000));
      if (ms < HOUR) return minutes.format(Math.floor(ms / MINUTE));
      if (ms < 2 * DAY) return hours.format(Math.floor(ms / HOUR));
      return wholeDays.format(Math.floor(ms / DAY));
    },
    length: (text) => {
      const [, number, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
      const format = { s: seconds, m: minutes, h: hours, d: wholeDays }[unit];
      return format === undefined ? text : format.format(Number(number));
    },
  };
}

/** The change from one figure to another, in percent; none from nothing. */
export function changed(now: number | null | undefined, before: number | null | undefined): number | undefined {
  if (now === null || now === undefined || before === null || before === undefined || before === 0) return undefined;
  return ((now - before) / Math.abs(before)) * 100;
}
