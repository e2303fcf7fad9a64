import { describe, expect, it } from "vitest";
import type { Frame } from "../src/frames.js";
import { type Held, cursor, taken } from "../src/held.js";

const at = "2026-11-29T10:00:00.000Z";
const later = "2026-11-29T10:00:01.000Z";
const log = "5f3a9c01";
const held: Held<unknown> = { log, generation: 1, position: 10, at, data: { orders: 1, net: 5 } };

function frame(members: Partial<Frame>): Frame {
  const base = { topic: "sales", log, generation: 1, from: 10, position: 11, at: later } as const;
  return { ...base, kind: "delta", data: { orders: 2 }, ...members };
}

const snapshot = (members: Partial<Frame>) => frame({ kind: "snapshot", data: { orders: 9 }, ...members });

describe("a delta", () => {
  it("replaces the members that it has", () => {
    const next = taken(held, frame({}), false);
    expect(next).toEqual({ log, generation: 1, position: 11, at: later, data: { orders: 2, net: 5 } });
    expect(held.data).toEqual({ orders: 1, net: 5 });
  });

  it("applies where it began before what there is, and leads beyond it", () => {
    expect(taken(held, frame({ from: 4 }), false)).toMatchObject({ position: 11 });
  });

  it("is in there already where it leads no further", () => {
    expect(taken(held, frame({ from: 8, position: 10 }), false)).toBe(held);
    expect(taken(held, frame({ from: 2, position: 5 }), false)).toBe(held);
  });

  it("has a gap before it where it begins beyond what there is", () => {
    expect(taken(held, frame({ from: 11, position: 12 }), false)).toBe("gap");
  });

  it("has nothing to apply to without a snapshot, in another log or generation, or after a lost way", () => {
    expect(taken(undefined, frame({}), false)).toBe("gap");
    expect(taken(held, frame({ log: "00000001" }), false)).toBe("gap");
    expect(taken(held, frame({ generation: 2 }), false)).toBe("gap");
    expect(taken(held, frame({}), true)).toBe("gap");
  });
});

describe("a snapshot", () => {
  it("replaces what is older by position, or by time at the same position", () => {
    expect(taken(undefined, snapshot({}), false)).toMatchObject({ position: 11 });
    expect(taken(held, snapshot({}), false)).toMatchObject({ data: { orders: 9 } });
    expect(taken(held, snapshot({ position: 10 }), false)).toMatchObject({ at: later });
  });

  it("leaves what is as new, or newer", () => {
    expect(taken(held, snapshot({ position: 10, at }), false)).toBe(held);
    expect(taken(held, snapshot({ position: 9 }), false)).toBe(held);
  });

  it("of another log or generation replaces, whatever its position", () => {
    expect(taken(held, snapshot({ log: "00000001", position: 3 }), false)).toMatchObject({ position: 3 });
    expect(taken(held, snapshot({ generation: 2, position: 3 }), false)).toMatchObject({ position: 3 });
  });

  it("replaces whatever there is where the service said that the way is lost", () => {
    expect(taken(held, snapshot({ position: 3, at }), true)).toMatchObject({ position: 3 });
  });
});

it("a cursor names log, generation and position", () => {
  expect(cursor(held)).toBe("5f3a9c01.1-10");
  expect(cursor({ ...held, log: undefined })).toBe("1-10");
});
