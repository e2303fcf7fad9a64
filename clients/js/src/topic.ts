/** One topic, as those who follow it see it. */

import type { Frame, Word } from "./frames.js";
import { type Held, taken } from "./held.js";

/** How the connection is. */
export type Connection =
  /** Nobody has followed anything yet, or `close` was called. */
  | "closed"
  | "connecting"
  | "open"
  /** It broke; the next attempt is near. */
  | "waiting"
  /** The session, account or key is not valid any more; `connect` tries again. */
  | "ended";

/** A topic's figures and how they are. */
export interface TopicState<T> {
  /** The figures; undefined before the first snapshot. They stay while the connection is away. */
  readonly data: T | undefined;
  readonly generation: number | undefined;
  /** The position of the log that the figures reflect. */
  readonly position: number | undefined;
  /** When the service read them, as RFC 3339. */
  readonly at: string | undefined;
  /** When they came, by this machine's clock, in milliseconds. `age` says how long that is ago. */
  readonly receivedAt: number | undefined;
  readonly connection: Connection;
  /** Whether the service sends what changes: false until it says so, and while it is away. */
  readonly live: boolean;
  /** Why the topic cannot be followed. */
  readonly refused: { readonly status: number; readonly message: string } | undefined;
  /** Why its figures cannot be read now; those that are here are older. */
  readonly trouble: string | undefined;
}

/** Milliseconds since the figures came; undefined before the first. */
export function age(state: TopicState<unknown>, now: number = Date.now()): number | undefined {
  return state.receivedAt === undefined ? undefined : Math.max(0, now - state.receivedAt);
}

const NOTHING = {
  data: undefined,
  generation: undefined,
  position: undefined,
  at: undefined,
  receivedAt: undefined,
  live: false,
  refused: undefined,
  trouble: undefined,
} as const;

/** The status of a topic whose right was taken away, as no request was refused. */
const FORBIDDEN = 403;

/** What a topic needs of its client. */
export interface Follows {
  /** Who follows the topic changed. */
  wanted(): void;
  /** How the connection is. */
  readonly connection: Connection;
}

/** A topic or view. Get one from `Client.topic` or `Client.view`. */
export class Topic<T> {
  #state: TopicState<T>;
  #held: Held<T> | undefined;
  /** A snapshot replaces what there is. */
  #replaces = false;
  readonly #listeners = new Set<(state: TopicState<T>) => void>();
  readonly #client: Follows;

  /** @internal */
  constructor(
    /** A topic, or `view:` and the path of a view. */
    readonly name: string,
    client: Follows,
  ) {
    this.#client = client;
    this.#state = { ...NOTHING, connection: client.connection };
  }

  /** The figures and how they are, now. */
  get state(): TopicState<T> {
    return this.#state;
  }

  /**
   * Follows the topic: calls back now, and each time something changes. The state is a new object
   * then, and never changed afterwards.
   *
   * @returns what ends it. With the last one who follows it the topic is left and its figures are
   * forgotten.
   */
  subscribe(listener: (state: TopicState<T>) => void): () => void {
    // One function may follow twice, and end one of the two.
    const own = (state: TopicState<T>) => listener(state);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#client.wanted();
    listener(this.#state);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#client.wanted();
    };
  }

  /** @internal Whether somebody follows it. */
  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** @internal What there is of it, to go on from. */
  get held(): Held<T> | undefined {
    return this.#held;
  }

  /** @internal The connection changed. */
  connected(connection: Connection): void {
    const live = connection === "open" && this.#state.live;
    this.#set({ connection, live, trouble: live ? this.#state.trouble : undefined });
  }

  /** @internal Nobody follows it: its figures are forgotten, and what comes is not looked at. */
  left(): void {
    this.#held = undefined;
    this.#state = { ...NOTHING, connection: this.#state.connection };
  }

  /** @internal A frame came. Returns whether frames are missing before it. */
  frame(frame: Frame): boolean {
    // One of a subscription that is over.
    if (!this.#state.live) return false;
    const next = taken(this.#held, frame, this.#replaces);
    if (next === "gap") {
      this.#set({ live: false });
      return true;
    }
    this.#replaces = false;
    if (next !== this.#held) {
      this.#held = next;
      this.#set({ ...next, receivedAt: Date.now(), trouble: undefined });
    }
    return false;
  }

  /** @internal A word about it came. */
  word(word: Extract<Word, { topic: string }>): void {
    switch (word.kind) {
      case "subscribed":
        this.#replaces = word.recovered !== true;
        return this.#set({ live: true, refused: undefined, trouble: undefined });
      case "trouble":
        return this.#set({ trouble: word.message });
      case "refused":
        return this.#set({ live: false, refused: { status: word.status, message: word.message } });
      case "unsubscribed":
        // Without a message it answers this client.
        if (word.message === undefined) return;
        return this.#set({ live: false, refused: { status: FORBIDDEN, message: word.message } });
    }
  }

  #set(changes: Partial<TopicState<T>>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of [...this.#listeners]) listener(this.#state);
  }
}
