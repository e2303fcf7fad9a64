import { expect, it } from "vitest";
import { type AlertsState, type Recorded, taken, unseen } from "./alerts";

const one = (id: string): Recorded => ({
  id,
  alertId: "rule",
  name: "Sales",
  view: "/api/metrics/sales",
  figure: "/totalRevenue",
  window: null,
  condition: { is: "above", value: 5 },
  value: 6,
  before: null,
  at: "2026-11-29T10:00:00Z",
});
const nothing: AlertsState = { recorded: undefined, seen: "", fresh: undefined };

it("what there is at first is no news; what comes later is, once", () => {
  const first = taken(nothing, [one("2"), one("1")]);
  expect([first.fresh, unseen(first)]).toEqual([undefined, 2]);
  const later = taken(first, [one("3"), one("2"), one("1")]);
  expect(later.fresh?.id).toBe("3");
  expect(taken({ ...later, fresh: undefined }, [one("3"), one("2")]).fresh).toBeUndefined();
});

it("the first one of all is news, where none was before", () => {
  expect(taken(taken(nothing, []), [one("1")]).fresh?.id).toBe("1");
});

it("those that a person has looked at do not count", () => {
  expect(unseen({ ...nothing, recorded: [one("3"), one("2")], seen: "2" })).toBe(1);
});
