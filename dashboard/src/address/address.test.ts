import { describe, expect, it } from "vitest";
import { type Address, FILTERS, daysOf, filtered, read, usual, withPart, without, write } from "./address";
import { daysOfPeriod } from "./period";
import { before, count, days, grain, isDay, plus, today } from "./range";
import openapi from "../../../docs/openapi.json";
import { TAKES, type View, compared, explained, naming, path, range, series, taken, untaken } from "./views";

const zone = "Europe/London";
const now = new Date("2026-11-29T23:30:00Z");

describe("an address", () => {
  it("that is as usual is empty", () => {
    expect(write(usual(zone), zone)).toBe("");
    expect(read("", zone)).toEqual(usual(zone));
  });

  it("is read as it is written", () => {
    const address: Address = {
      page: "products",
      id: "85123A & more",
      range: "custom",
      from: "2010-12-01",
      to: "2011-12-09",
      zone: "Asia/Tokyo",
      compare: "year",
      filters: { category: "Toys & Games", country: "France" },
      live: false,
      search: "red mug",
      sort: "units",
      explain: "netSales",
      part: { name: "productId", value: "a:b c" },
      day: "2011-01-04",
      isBefore: true,
    };
    expect(read(write(address, zone), zone)).toEqual(address);
  });

  it("that explains a part of a figure names it, whatever it is a part of", () => {
    const part = { name: "cohort", value: "2026-03+2" } as const;
    const address: Address = { ...usual(zone), explain: "cohort", part };
    expect(read(write(address, zone), zone)).toEqual(address);
    expect(withPart({ category: "Toys" }, part)).toEqual({ category: "Toys" });
    expect(withPart({ category: "Toys" }, { name: "country", value: "France" })).toEqual({ category: "Toys", country: "France" });
  });

  it("of a product or a customer has no other filter, as the service takes none beside it", () => {
    expect(read("?category=Toys&productId=p&country=France", zone).filters).toEqual({ productId: "p" });
    expect(read("?userId=u&country=France", zone).filters).toEqual({ userId: "u" });
  });

  it("that says what is not there is as usual", () => {
    const wrong =
      "?page=nowhere&range=custom&from=2026-02-30&to=2026-03-01&zone=Mars/Crater&compare=no&explain=x&part=colour:red&day=1&live=maybe";
    expect(read(wrong, zone)).toEqual(usual(zone));
    expect(read("?range=custom&from=2026-03-02&to=2026-03-01", zone).range).toBe("30d");
  });
});

describe("filters", () => {
  it("by value stand beside each other, and one of a name replaces the one before", () => {
    const two = filtered(filtered({}, "category", "Toys"), "country", "France");
    expect(two).toEqual({ category: "Toys", country: "France" });
    expect(filtered(two, "country", "EIRE")).toEqual({ category: "Toys", country: "EIRE" });
    expect(without(two, "category")).toEqual({ country: "France" });
  });

  it("a product or a customer stands alone", () => {
    expect(filtered({ category: "Toys" }, "productId", "p")).toEqual({ productId: "p" });
    expect(filtered({ userId: "u" }, "country", "France")).toEqual({ country: "France" });
  });
});

describe("days", () => {
  it("are those of the zone", () => {
    expect(today("Europe/London", now)).toBe("2026-11-29");
    expect(today("Asia/Tokyo", now)).toBe("2026-11-30");
  });

  it("of a preset end today, and are as many as it says", () => {
    expect(days("today", zone, now)).toEqual({ from: "2026-11-29", to: "2026-11-29" });
    for (const [preset, length] of [["7d", 7], ["30d", 30], ["90d", 90], ["12m", 365]] as const) {
      const { from = "", to = "" } = days(preset, zone, now);
      expect([to, count(from, to)]).toEqual(["2026-11-29", length]);
    }
    expect(days("all", zone, now)).toEqual({ from: undefined, to: undefined });
    expect(daysOf({ ...usual(zone), range: "custom", from: "2026-01-01", to: "2026-01-02" })).toEqual({
      from: "2026-01-01",
      to: "2026-01-02",
    });
  });

  it("are counted over the end of months and leap days", () => {
    expect(plus("2024-02-28", 1)).toBe("2024-02-29");
    expect(plus("2026-03-01", -1)).toBe("2026-02-28");
    expect(isDay("2023-02-29")).toBe(false);
    expect(isDay("2024-02-29")).toBe(true);
  });

  it("before are as many, or the same of a year before", () => {
    const week = { from: "2026-11-23", to: "2026-11-29" };
    expect(before(week, "previous")).toEqual({ from: "2026-11-16", to: "2026-11-22" });
    expect(before(week, "year")).toEqual({ from: "2025-11-23", to: "2025-11-29" });
    expect(before({ from: "2024-02-29", to: "2024-02-29" }, "year")).toEqual({ from: "2023-02-28", to: "2023-02-28" });
    expect(before({ from: undefined, to: undefined }, "previous")).toBeUndefined();
  });

  it("of what is explained are those that are compared with, or the day that is opened", () => {
    const at = { ...usual(zone), range: "custom", from: "2026-03-08", to: "2026-03-14" } as const;
    expect(explained(at)).toEqual({ from: "2026-03-08", to: "2026-03-14" });
    expect(explained({ ...at, isBefore: true })).toEqual({ from: "2026-03-01", to: "2026-03-07" });
    expect(explained({ ...at, isBefore: true, day: "2026-03-02" })).toEqual({ from: "2026-03-02", to: "2026-03-02" });
  });

  it("of a period are all of it", () => {
    expect(daysOfPeriod("2024-02")).toEqual({ from: "2024-02-01", to: "2024-02-29" });
    expect(daysOfPeriod("2026-W01")).toEqual({ from: "2025-12-29", to: "2026-01-04" });
    expect(daysOfPeriod("2026-03-02 14:00")).toEqual({ from: "2026-03-02", to: "2026-03-02" });
  });

  it("make periods that are neither too many nor too few", () => {
    const of = (length: number) => grain({ from: "2026-01-01", to: plus("2026-01-01", length - 1) });
    expect([1, 2, 3, 92, 93, 550, 551].map(of)).toEqual(["hour", "hour", "day", "day", "week", "week", "month"]);
    expect(grain({ from: undefined, to: undefined })).toBe("month");
  });
});

describe("a view's path", () => {
  it("has the range, the zone and the periods", () => {
    const at = { ...usual(zone), range: "custom", from: "2026-01-01", to: "2026-01-31" } as const;
    expect(path("/api/metrics/sales", { ...series(at), ...compared(at), country: "Côte d'Ivoire & more" })).toBe(
      "/api/metrics/sales?startDate=2026-01-01&endDate=2026-01-31&tz=Europe%2FLondon&period=day&fill=zero" +
        "&compare=previous&country=C%C3%B4te+d%27Ivoire+%26+more",
    );
  });

  it("of all time begins before every shop, fills no gaps and compares with nothing", () => {
    const at = { ...usual(zone), range: "all" } as const;
    expect(range(at)).toEqual({ startDate: "2000-01-01", endDate: undefined, tz: zone });
    expect(series(at)).toMatchObject({ period: "month", fill: undefined });
    expect(compared(at)).toEqual({});
  });
});

describe("filters of a view", () => {
  it("are those that the service takes", () => {
    const paths = openapi.paths as Record<string, { get?: { parameters?: { name?: string; $ref?: string }[] } }>;
    for (const view of Object.keys(TAKES) as View[]) {
      const names = paths[view]?.get?.parameters?.map((it) => it.name ?? it.$ref?.split("/").pop());
      expect(names, view).toBeDefined();
      expect(TAKES[view], view).toEqual(FILTERS.filter((name) => names?.includes(name)));
    }
  });

  it("are asked for where it takes them, and named where it does not", () => {
    const filters = { category: "Toys", country: "France" };
    expect(path("/api/customers", taken(filters, "/api/customers"))).toBe("/api/customers?country=France");
    expect(untaken(filters, "/api/customers")).toEqual(["category"]);
    expect(untaken(filters, "/api/metrics/sales")).toEqual([]);
    expect(untaken({ productId: "p" }, "/api/metrics/feedback")).toEqual([]);
  });

  it("have a name where they are of a product or a customer", () => {
    expect(naming({ productId: "a/b" })).toBe("/api/products/a%2Fb?limit=1");
    expect(naming({ userId: "u" })).toBe("/api/customers/u?limit=1");
    expect(naming({ country: "France" })).toBeUndefined();
  });
});
