/** The client against the real program and its servers. */

import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Client, type Events, type Options, type TopicState, age } from "../src/index.js";
import { Service, Wire, until } from "./service.js";

interface Sales {
  totalOrders: number;
  netSales: number;
}

const REVENUE = "/api/metrics/revenue?period=day&fill=zero";

let service: Service;
let wire: Wire;
let sold = 0;
const clients: Client[] = [];

beforeAll(async () => {
  service = await Service.start();
  wire = await Wire.to(service.port);
});

afterAll(async () => {
  for (const client of clients) client.close();
  wire?.close();
  await service?.stop();
});

async function client(options: Partial<Options> = {}): Promise<Client> {
  const { token } = await service.signIn();
  const made = new Client({
    url: wire.url,
    credential: token,
    backoff: { first: 20, most: 200 },
    WebSocket: WebSocket as unknown as NonNullable<Options["WebSocket"]>,
    ...options,
  });
  clients.push(made);
  return made;
}

const sell = () => service.sell(`sale-${(sold += 1)}`, 1_250);

/** The first state that is as it is asked for. */
function state<T>(topic: { subscribe(it: (state: TopicState<T>) => void): () => void }, is: (state: TopicState<T>) => boolean) {
  return new Promise<TopicState<T>>((done, failed) => {
    let end: (() => void) | undefined;
    const timer = setTimeout(() => failed(new Error("no such state came within a minute")), 60_000);
    end = topic.subscribe((state) => {
      if (!is(state)) return;
      clearTimeout(timer);
      queueMicrotask(() => end?.());
      done(state);
    });
  });
}

function event<K extends keyof Events>(of: Client, kind: K): Promise<Events[K]> {
  return new Promise((done) => {
    const end = of.on(kind, (what) => {
      end();
      done(what);
    });
  });
}

it("a topic is what a query answers, and moves with an event", async () => {
  const position = await sell();
  const sales = (await client()).topic<Sales>("sales");
  const seen: TopicState<Sales>[] = [];
  const end = sales.subscribe((state) => seen.push(state));
  expect(seen[0]?.data).toBeUndefined();
  const first = await state(sales, (it) => (it.position ?? 0) >= position);
  expect(first).toMatchObject({ connection: "open", live: true, refused: undefined, trouble: undefined });
  expect(first.data).toEqual((await service.figures("/api/metrics/sales", position)).data);
  expect(age(first, (first.receivedAt ?? 0) + 1_500)).toBe(1_500);

  const next = await sell();
  const moved = await state(sales, (it) => (it.position ?? 0) >= next);
  expect(moved.data?.totalOrders).toBe((first.data?.totalOrders ?? 0) + 1);
  expect(moved.data).toEqual((await service.figures("/api/metrics/sales", next)).data);
  const positions = seen.flatMap((it) => it.position ?? []);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  end();
});

it("a view is followed with its parameters", async () => {
  const view = (await client()).view(REVENUE);
  const end = view.subscribe(() => {});
  const position = await sell();
  const moved = await state(view, (it) => (it.position ?? 0) >= position);
  expect(moved.data).toEqual((await service.figures(REVENUE, position)).data);
  end();
});

it("a topic that nobody follows any more is left, and begins anew", async () => {
  const sales = (await client()).topic<Sales>("sales");
  await state(sales, (it) => it.data !== undefined);
  await until("it is left", () => expect(sales.state.data).toBeUndefined());
  const position = await sell();
  await state(sales, (it) => (it.position ?? 0) >= position);
});

it("what is refused says so, and leaves the rest as it is", async () => {
  const follower = await client();
  const told = event(follower, "refused");
  const sales = follower.topic("sales");
  const end = sales.subscribe(() => {});
  const none = await state(follower.topic("no-such-topic"), (it) => it.refused !== undefined);
  expect(none.refused?.status).toBe((await told).status);
  expect((await told).topic).toBe("no-such-topic");
  expect(none.live).toBe(false);
  await state(sales, (it) => it.live && it.data !== undefined);
  end();
});

it("50 cuts while events come: it recovers, never goes back, and ends with what a query answers", async () => {
  const follower = await client();
  const [sales, revenue] = [follower.topic<Sales>("sales"), follower.view(REVENUE)];
  const positions: number[] = [];
  const ends = [sales.subscribe((it) => it.position !== undefined && positions.push(it.position)), revenue.subscribe(() => {})];
  await state(sales, (it) => it.live);
  const before = wire.count;
  let last = 0;
  for (let cut = 0; cut < 50; cut += 1) {
    last = await sell();
    wire.cut();
    if (Math.random() < 0.7) last = await sell();
    wire.mend();
    follower.connect();
    if (cut % 5 === 0) await state(sales, (it) => it.live);
  }
  const [left, right] = await Promise.all([
    state(sales, (it) => it.live && (it.position ?? 0) >= last),
    state(revenue, (it) => it.live && (it.position ?? 0) >= last),
  ]);
  expect(left.data).toEqual((await service.figures("/api/metrics/sales", last)).data);
  expect(right.data).toEqual((await service.figures(REVENUE, last)).data);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  // Each connection had a ticket of its own.
  expect(wire.count - before).toBeGreaterThan(20);
  for (const end of ends) end();
});

it("a token that is not valid any more is asked for again", async () => {
  const { token } = await service.signIn();
  const asked: boolean[] = [];
  const follower = await client({
    credential: ({ refused }) => {
      asked.push(refused);
      return refused ? token : "not a token";
    },
  });
  await state(follower.topic("sales"), (it) => it.live);
  expect(asked).toEqual([false, true]);
});

it("a session that ended ends the connection, and nothing is tried until somebody says so", async () => {
  let { token } = await service.signIn();
  const follower = await client({ credential: () => token });
  const sales = follower.topic("sales");
  const end = sales.subscribe(() => {});
  await state(sales, (it) => it.live);
  const ended = event(follower, "session_ended");
  await service.ask("POST", "/api/auth/logout", {}, token);
  expect((await ended).message).not.toBe("");
  expect(sales.state).toMatchObject({ connection: "ended", live: false });
  expect(sales.state.data).toBeDefined();

  follower.connect();
  await event(follower, "session_ended");
  ({ token } = await service.signIn());
  follower.connect();
  await state(sales, (it) => it.live);
  end();
});

it("a service that stops says so, and is found again", async () => {
  const follower = await client();
  const sales = follower.topic<Sales>("sales");
  const end = sales.subscribe(() => {});
  const before = await state(sales, (it) => it.live && it.data !== undefined);
  const told = event(follower, "server_shutdown");
  const ended = service.end("SIGTERM");
  expect((await told).message).not.toBe("");
  await ended;
  await state(sales, (it) => it.connection === "waiting");
  expect(sales.state.data).toEqual(before.data);
  await service.run();
  const position = await sell();
  const after = await state(sales, (it) => it.live && (it.position ?? 0) >= position);
  expect(after.data?.totalOrders).toBe((before.data?.totalOrders ?? 0) + 1);
  end();
});

it("a service that gives no sign of life is left for another connection", async () => {
  const follower = await client({ silence: 100 });
  const sales = follower.topic("sales");
  const end = sales.subscribe(() => {});
  await state(sales, (it) => it.live);
  // Each sign of life that it asks for is answered, so the connection stays.
  const connections = wire.count;
  for (let at = 0; at < 3; at += 1) {
    const position = await sell();
    await state(sales, (it) => (it.position ?? 0) >= position);
  }
  expect(wire.count).toBe(connections);

  wire.freeze();
  await state(sales, (it) => it.connection === "waiting");
  wire.mend();
  await state(sales, (it) => it.live);
  end();
});
