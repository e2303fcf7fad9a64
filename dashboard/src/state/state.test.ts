import { describe, expect, it, vi } from "vitest";
import { Problem, ask, problem } from "./api";
import { type Figures, type FiguresState, merged } from "./figures";
import { Store } from "./store";

describe("a store", () => {
  it("tells of what changed, and of nothing else", () => {
    const store = new Store({ a: 1, b: 2 });
    let told = 0;
    const end = store.subscribe(() => (told += 1));
    const before = store.state;
    store.set({ a: 1 });
    expect([told, store.state]).toEqual([0, before]);
    store.set({ a: 3 });
    expect([told, store.state, before]).toEqual([1, { a: 3, b: 2 }, { a: 1, b: 2 }]);
    end();
    store.set({ a: 4 });
    expect(told).toBe(1);
  });
});

describe("figures", () => {
  const nothing: FiguresState = {
    figures: {},
    position: undefined,
    receivedAt: undefined,
    lag: undefined,
    halted: undefined,
    connection: "off",
    offline: false,
  };
  const figures = (position: number, data: unknown): Figures => ({
    data,
    position,
    receivedAt: position * 10,
    problem: undefined,
  });
  const trouble: Figures = { data: undefined, position: 0, receivedAt: 0, problem: new Problem(503, "", "down") };

  it("are put in where they are newer, and the page is as far as the newest", () => {
    const one = merged(nothing, "a", figures(5, "five"));
    const two = merged(one, "b", figures(7, "seven"));
    expect([two.position, two.receivedAt]).toEqual([7, 70]);
    expect(merged(two, "a", figures(6, "six")).figures.a?.data).toBe("six");
    expect(merged(two, "a", figures(6, "six")).position).toBe(7);
  });

  it("that are older than what there is are left out", () => {
    const one = merged(nothing, "a", figures(5, "five"));
    expect(merged(one, "a", figures(4, "four"))).toBe(one);
  });

  it("at the same position are newer: a range may have rolled on", () => {
    const one = merged(nothing, "a", figures(5, "five"));
    expect(merged(one, "a", figures(5, "rolled")).figures.a?.data).toBe("rolled");
  });

  it("that say the same are the same object, so that nothing is drawn anew", () => {
    const one = merged(nothing, "a", figures(5, { orders: [1, 2] }));
    const again = merged(one, "a", { ...figures(5, { orders: [1, 2] }), receivedAt: 99 });
    expect([again.figures.a, again.receivedAt]).toEqual([one.figures.a, 99]);
    expect(again.figures.a).toBe(one.figures.a);
    const later = merged(one, "a", figures(6, { orders: [1, 2] }));
    expect([later.position, later.figures.a?.position]).toEqual([6, 6]);
    expect(later.figures.a?.data).toBe(one.figures.a?.data);
  });

  it("stay where they cannot be read now, with why", () => {
    const one = merged(merged(nothing, "a", figures(5, "five")), "a", trouble);
    expect(one.figures.a).toMatchObject({ data: "five", position: 5, problem: trouble.problem });
    expect(one.position).toBe(5);
    expect(merged(one, "a", figures(6, "six")).figures.a?.problem).toBeUndefined();
  });

  it("that were never read say why", () => {
    expect(merged(nothing, "a", trouble).figures.a).toEqual(trouble);
  });
});

it("a problem is read from RFC 9457, and from less", () => {
  const read = problem(409, { type: "https://x.example/problems/email-taken", message: "taken", requestId: "r" });
  expect(read).toMatchObject({ status: 409, type: "email-taken", message: "taken", requestId: "r" });
  expect(problem(500, {}).message).toBe("status 500");
  expect(problem(400, { errors: [{ field: "limit", message: "must be" }] }).fields[0]?.field).toBe("limit");
  expect(new Problem(0, "", "").isOffline).toBe(true);
});

it("an answer that breaks off is no answer, and one that nobody waits for any more is dropped", async () => {
  const cut = () => new ReadableStream({ start: (it) => it.error(new TypeError("cut")) });
  const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response(cut()));
  await expect(ask("/api/x")).rejects.toMatchObject({ status: 0, type: "offline" });
  await expect(ask("/api/x", { signal: AbortSignal.abort() })).rejects.toThrow("cut");
  fetched.mockImplementation(async () => new Response(cut(), { status: 500 }));
  await expect(ask("/api/x")).rejects.toMatchObject({ status: 500 });
  fetched.mockRestore();
});
