/**
 * The figures of the page: asked for once, all at one position, and then followed while the page is
 * live. Components name a view and get what there is of it.
 */

import { Client, type TopicState } from "adaptive-bi-client";
import { type Answer, Problem, problem, problemOf } from "./api";
import { authorized, credential, session } from "./session";
import { Store } from "./store";

/** What there is of a view. */
export interface Figures<T = unknown> {
  readonly data: T | undefined;
  readonly position: number;
  /** When they came, in milliseconds. */
  readonly receivedAt: number;
  readonly problem: Problem | undefined;
}

export interface FiguresState {
  /** By the path of the view. */
  readonly figures: Readonly<Record<string, Figures>>;
  /** The newest position of all of them. */
  readonly position: number | undefined;
  readonly receivedAt: number | undefined;
  readonly lag: number | undefined;
  readonly halted: string | undefined;
  /** How the connection is; `off` where the page is not live. */
  readonly connection: "off" | "connecting" | "open" | "away";
  /** Whether the last request had no answer. */
  readonly offline: boolean;
}

const NOTHING: FiguresState = {
  figures: {},
  position: undefined,
  receivedAt: undefined,
  lag: undefined,
  halted: undefined,
  connection: "off",
  offline: false,
};

/** The views of one request. */
const BATCH = 20;

/** A pause, in milliseconds, after which what had no answer is asked for again. */
const RETRY = 5_000;

/** The least time between two looks whether a session is over, in milliseconds. */
const AGAIN = 10_000;

/** What a batch says of each of its views. */
interface Item {
  readonly status: number;
  readonly data?: unknown;
  readonly error?: Record<string, unknown>;
}

/** Puts a view's figures in where they are not older than what there is. */
export function merged(state: FiguresState, path: string, next: Figures): FiguresState {
  const had = state.figures[path];
  if (had?.data !== undefined && next.data !== undefined && next.position < had.position) return state;
  // A snapshot that says what is known already draws nothing anew.
  if (had?.problem === undefined && had?.data !== undefined && next.data !== undefined && isEqual(had.data, next.data)) {
    next = { ...next, data: had.data };
    if (had.position === next.position) {
      return { ...state, receivedAt: Math.max(state.receivedAt ?? 0, next.receivedAt) };
    }
  }
  // A view that could not be read now keeps its figures of before.
  const kept = next.data === undefined && had?.data !== undefined ? { ...had, problem: next.problem } : next;
  const position = next.data === undefined ? state.position : Math.max(state.position ?? 0, next.position);
  const receivedAt = next.data === undefined ? state.receivedAt : Math.max(state.receivedAt ?? 0, next.receivedAt);
  return { ...state, figures: { ...state.figures, [path]: kept }, position, receivedAt };
}

/** Whether two answers are the same. The service writes members in one order. */
function isEqual(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

export class Board {
  readonly store = new Store<FiguresState>(NOTHING);
  #client: Client | undefined;
  /** The views of the page, each with what ends following it. */
  readonly #views = new Map<string, (() => void) | undefined>();
  /** Topics that are followed whatever the page shows, each with who takes what comes. */
  readonly #topics = new Map<string, (data: never) => void>();
  #ends: (() => void)[] = [];
  #isLive = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;

  /** Shows these views and no others. */
  show(paths: readonly string[], isLive: boolean): void {
    const wanted = new Set(paths);
    const had = new Set(this.#views.keys());
    const isSame = isLive === this.#isLive && wanted.size === had.size && paths.every((path) => had.has(path));
    if (isSame) return;
    this.#isLive = isLive;
    for (const [path, end] of this.#views) {
      if (wanted.has(path)) continue;
      end?.();
      this.#views.delete(path);
    }
    const figures = Object.entries(this.store.state.figures).filter(([path]) => wanted.has(path));
    this.store.set({ figures: Object.fromEntries(figures) });
    for (const path of wanted) if (!this.#views.has(path)) this.#views.set(path, undefined);
    if (isLive) this.#connect();
    else this.#disconnect();
    const missing = paths.filter((path) => this.store.state.figures[path]?.data === undefined);
    void this.#ask(missing).then(() => this.#follow());
  }

  /** Has a topic followed for as long as the page is live, and hands on what comes. */
  follow<T>(topic: string, take: (data: T) => void): void {
    this.#topics.set(topic, take);
  }

  /** Asks for all views anew. */
  async again(): Promise<void> {
    this.#client?.connect();
    await this.#ask([...this.#views.keys()]);
    this.#follow();
  }

  /** Forgets everything: somebody signed out. */
  clear(): void {
    this.show([], false);
    this.#asking?.abort();
    clearTimeout(this.#retry);
    this.store.set(NOTHING);
  }

  async #ask(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    for (let at = 0; at < paths.length; at += BATCH) {
      const some = paths.slice(at, at + BATCH);
      const query = some.map((path) => `view=${encodeURIComponent(path)}`).join("&");
      try {
        const answer = await authorized<Item[]>(`/api/dashboard/batch?${query}`, { signal: asking.signal });
        if (!asking.signal.aborted) this.#take(some, answer);
      } catch (error) {
        if (asking.signal.aborted) return;
        const failed = problemOf(error);
        for (const path of some) this.#merge(path, { data: undefined, position: 0, receivedAt: 0, problem: failed });
        this.store.set({ offline: failed.isOffline });
        clearTimeout(this.#retry);
        if (failed.isOffline) this.#retry = setTimeout(() => void this.again(), RETRY);
        return;
      }
    }
  }

  #take(paths: readonly string[], { data, position = 0, lag, halted }: Answer<Item[]>): void {
    const receivedAt = Date.now();
    paths.forEach((path, at) => {
      const item = data[at];
      if (item === undefined || !this.#views.has(path)) return;
      const failed = item.status >= 400 ? problem(item.status, item.error ?? {}) : undefined;
      this.#merge(path, { data: item.data, position, receivedAt, problem: failed });
    });
    this.store.set({ offline: false, lag, halted });
  }

  #merge(path: string, figures: Figures): void {
    if (this.#views.has(path)) this.store.set(merged(this.store.state, path, figures));
  }

  #connect(): void {
    if (this.#client !== undefined) return;
    this.#client = new Client({ credential });
    this.store.set({ connection: "connecting" });
    this.#client.on("connection", ({ connection }) => {
      if (connection === "open") {
        // A view without an answer was asked for while the service was away.
        if (this.store.state.offline) void this.again();
        this.store.set({ connection: "open", offline: false });
      } else if (connection === "connecting") {
        if (this.store.state.connection !== "away") this.store.set({ connection });
      } else this.store.set({ connection: "away" });
    });
    let tried = 0;
    this.#client.on("session_ended", () => {
      // It is seen whether the session is over, or only what the connection was opened with; not at
      // once where that was seen just now.
      const wait = Math.max(0, tried + AGAIN - Date.now());
      setTimeout(() => {
        tried = Date.now();
        void credential({ refused: true }).then(
          () => this.#client?.connect(),
          () => undefined,
        );
      }, wait);
    });
  }

  #disconnect(): void {
    for (const [path, end] of this.#views) {
      end?.();
      this.#views.set(path, undefined);
    }
    for (const end of this.#ends.splice(0)) end();
    this.#client?.close();
    this.#client = undefined;
    this.store.set({ connection: "off" });
  }

  #follow(): void {
    const client = this.#client;
    if (client === undefined || session.state.is !== "in") return;
    if (this.#ends.length === 0) {
      for (const [topic, take] of this.#topics) {
        this.#ends.push(client.topic(topic).subscribe(({ data }) => data !== undefined && take(data as never)));
      }
    }
    for (const [path, end] of this.#views) {
      if (end !== undefined || this.store.state.figures[path]?.problem?.status === 403) continue;
      const view = client.view(path);
      this.#views.set(
        path,
        view.subscribe((state) => this.#changed(path, state)),
      );
    }
  }

  #changed(path: string, { data, position, receivedAt, trouble, refused }: TopicState<unknown>): void {
    if (data !== undefined && position !== undefined && receivedAt !== undefined && trouble === undefined) {
      this.#merge(path, { data, position, receivedAt, problem: undefined });
    } else if (trouble !== undefined) {
      this.#fail(path, new Problem(503, "trouble", trouble));
    } else if (refused !== undefined && this.store.state.figures[path]?.problem?.status !== refused.status) {
      // A question that is refused is refused as a topic as well, in fewer words: those of the answer stay.
      this.#fail(path, new Problem(refused.status, "refused", refused.message));
    }
  }

  #fail(path: string, failed: Problem): void {
    this.#merge(path, { data: undefined, position: 0, receivedAt: 0, problem: failed });
  }
}

export const board = new Board();
