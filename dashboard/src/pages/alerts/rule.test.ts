import { describe, expect, it } from "vitest";
import { formats } from "../../format/format";
import { sayer } from "../../words/words";
import { BLANK, type Draft, type Rule, WATCHED, WATCHED_IDS, body, draft, meant, sentence, shown } from "./rule";

const rule: Rule = {
  id: "1",
  name: "Sales of a day",
  role: "viewer",
  view: "/api/metrics/sales?country=Germany",
  figure: "/totalRevenue",
  window: "1d",
  condition: { is: "below", value: 100 },
  quietTime: "1h",
  deliver: { mail: true, webhook: { url: "https://hooks.example.org/bi" } },
  isActive: true,
  state: { holds: false, since: null, value: null, trouble: null },
};
const shows = { say: sayer("en"), formats: formats("en-GB", "GBP", "UTC") };

/** The members that are sent of a rule, as it has them. */
const sent = ({ id: _id, state: _state, ...members }: Rule) => members;

describe("a rule", () => {
  it("is sent as it was read, where nothing was changed", () => {
    expect(body(draft(rule))).toEqual(sent(rule));
    const own = { ...rule, role: null, deliver: { mail: false, webhook: null } };
    expect(body(draft(own))).toEqual({ ...sent(rule), role: undefined, deliver: { mail: false } });
  });

  it("of a view that the form does not offer keeps its path and its figure", () => {
    const other = { ...rule, view: "/api/metrics/revenue?period=day&country=France", figure: "/grossToNet/netSales" };
    expect(draft(other)).toMatchObject({ watched: "other", filter: "", view: other.view });
    expect(body(draft(other))).toEqual(sent(other));
  });

  it("of silence has no figure and no window", () => {
    const silent: Rule = { ...rule, figure: null, window: null, condition: { is: "noEventsFor", duration: "10m" } };
    const { figure: _figure, window: _window, ...members } = sent(silent);
    expect(body(draft(silent))).toEqual(members);
    expect(body({ ...BLANK, is: "noEventsFor", duration: "6h" })).not.toHaveProperty("window");
  });

  it("of a percentage has a part of 1 in the API and of 100 in the form", () => {
    const conversion: Draft = { ...BLANK, watched: "conversion", is: "below", bound: "7" };
    expect(body(conversion)).toMatchObject({ view: "/api/metrics/funnel", condition: { is: "below", value: 0.07 } });
    const read = { ...rule, view: "/api/metrics/funnel", figure: "/conversion", condition: { is: "below", value: 0.07 } } as const;
    expect(draft(read).bound).toBe("7");
  });

  it("with a bound that is no number goes out as it was typed, so that the service says what is wrong", () => {
    expect(body({ ...BLANK, bound: "much" })).toMatchObject({ condition: { is: "above", value: "much" } });
    expect(body({ ...BLANK, bound: " " })).toMatchObject({ condition: { is: "above", value: null } });
  });

  it("says in a sentence what it looks for", () => {
    expect(sentence(shows, rule)).toBe("Net sales of Germany below £100.00 in 1 day");
    const changed = { ...rule, view: "/api/metrics/sales", condition: { is: "changedBy", percent: 20, direction: "down" } } as const;
    expect(sentence(shows, changed)).toBe("Net sales down by 20% or more in 1 day");
    const silent = { ...rule, figure: null, window: null, condition: { is: "noEventsFor", duration: "10m" } } as const;
    expect(sentence(shows, silent)).toBe("No events for 10 mins: Net sales");
  });
});

it("each figure that is offered is known again by its view and its place", () => {
  for (const id of WATCHED_IDS) expect(meant(WATCHED[id].view, WATCHED[id].figure)).toEqual({ id, filter: "", value: "" });
  expect(meant("/api/metrics/sales?tz=UTC", "/totalRevenue")).toBeUndefined();
  expect(shown(shows, "/api/metrics/sales", "/totalRevenue", 5)).toBe("£5.00");
  expect(shown(shows, "/api/metrics/funnel", "/conversion", 0.5)).toBe("50%");
  expect(shown(shows, "/api/elsewhere", "/x", 5)).toBe("5");
  expect(shown(shows, "/api/elsewhere", "/x", null)).toBe("–");
});
