import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { wait } from "../src/backoff.js";
import { read, requests } from "../src/frames.js";
import { Outbox } from "../src/outbox.js";
import { ticket } from "../src/ticket.js";

describe("the wait before an attempt", () => {
  const backoff = { first: 500, most: 15_000 };

  it("doubles, up to the most", () => {
    const most = [0, 1, 2, 3, 4, 5, 6, 1_000].map((failed) => wait(backoff, failed, 1));
    expect(most).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  it("is spread over the upper half", () => {
    expect(wait(backoff, 1, 0)).toBe(500);
    expect(wait(backoff, 1, 0.5)).toBe(750);
  });
});

describe("requests", () => {
  it("tell topics from views", () => {
    const [message, ...more] = requests("subscribe", ["sales", "view:/api/orders?limit=5"]);
    expect(JSON.parse(message ?? "")).toEqual({
      type: "subscribe",
      topics: ["sales"],
      views: ["/api/orders?limit=5"],
    });
    expect(more).toEqual([]);
    expect(requests("subscribe", [])).toEqual([]);
  });

  it("are as short as the service takes them, and lose none", () => {
    const names = Array.from({ length: 50 }, (_, at) => `view:/api/orders?search=${"é".repeat(90)}${at}`);
    const messages = requests("resume", names, "1-4711");
    for (const message of messages) expect(new TextEncoder().encode(message).length).toBeLessThan(4_096);
    const named = messages.flatMap((it) => (JSON.parse(it) as { views: string[] }).views);
    expect(named.map((it) => `view:${it}`)).toEqual(names);
    expect(messages.every((it) => (JSON.parse(it) as { since: string }).since === "1-4711")).toBe(true);
  });
});

it("a message of a kind that is not known is left out", () => {
  expect(read('{"kind":"of tomorrow"}')).toBeUndefined();
  expect(read("7")).toBeUndefined();
  expect(read('{"kind":"pong"}')).toEqual({ kind: "pong" });
});

describe("messages on their way out", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("go at once, and no faster than the service answers when they are many", () => {
    const sent: string[] = [];
    const outbox = new Outbox((message) => sent.push(message));
    for (let at = 0; at < 50; at += 1) outbox.send(String(at));
    expect(sent.length).toBe(20);
    vi.advanceTimersByTime(1_000);
    // The service answers 40, and 10 more each second.
    expect(sent.length).toBeGreaterThan(20);
    expect(sent.length).toBeLessThanOrEqual(30);
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual(Array.from({ length: 50 }, (_, at) => String(at)));
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stay here once it is closed", () => {
    const sent: string[] = [];
    const outbox = new Outbox((message) => sent.push(message));
    for (let at = 0; at < 21; at += 1) outbox.send(String(at));
    outbox.close();
    vi.advanceTimersByTime(60_000);
    expect(sent.length).toBe(20);
  });
});

describe("a ticket", () => {
  const url = new URL("http://shop.example");
  const answers = (...all: Response[]) => (async () => all.shift() ?? Response.error()) as typeof fetch;
  const good = () => Response.json({ data: { ticket: "t" } });
  const bad = (status: number, headers: Record<string, string> = {}) =>
    Response.json({ message: "no" }, { status, headers });

  it("asks for the credential again where it was refused, and once", async () => {
    const asked: boolean[] = [];
    const credential = ({ refused }: { refused: boolean }) => {
      asked.push(refused);
      return "token";
    };
    expect(await ticket(url, credential, answers(bad(401), good()), 1_000)).toEqual({ ticket: "t" });
    expect(asked).toEqual([false, true]);
    expect(await ticket(url, credential, answers(bad(401), bad(401)), 1_000)).toEqual({ refused: "no" });
    expect(await ticket(url, "key", answers(bad(401), good()), 1_000)).toEqual({ refused: "no" });
  });

  it("tells a refusal from what may work later, and when", async () => {
    expect(await ticket(url, "key", answers(bad(403)), 1_000)).toEqual({ refused: "no" });
    const later = bad(429, { "retry-after": "7" });
    expect(await ticket(url, "key", answers(later), 1_000)).toEqual({ failed: "no", after: 7_000 });
    expect(await ticket(url, "key", answers(bad(503)), 1_000)).toEqual({ failed: "no" });
    const down = (() => Promise.reject(new Error("down"))) as typeof fetch;
    expect(await ticket(url, "key", down, 1_000)).toEqual({ failed: "down" });
  });
});
