/** One connection to the service, kept open for as long as somebody follows something. */

import { type Backoff, wait } from "./backoff.js";
import { type Frame, type Word, isFrame, read, requests } from "./frames.js";
import { cursor } from "./held.js";
import { Outbox } from "./outbox.js";
import { type Credential, ticket } from "./ticket.js";
import { type Connection, Topic } from "./topic.js";

/** How a client reaches the service. */
export interface Options {
  /** The service's address, such as `https://figures.example.org`; in a browser the page's own. */
  readonly url?: string | URL;
  /**
   * An access token or an API key, or a function that gives one. It is asked for each connection;
   * with `refused` where the one before was not valid, as a token that has expired.
   */
  readonly credential: Credential;
  /** The waits between attempts: at first up to 500 ms, then doubled up to 15 s. */
  readonly backoff?: Backoff;
  /**
   * The milliseconds of silence after which the service is asked for a sign of life: 20,000. It has
   * half as long to give one.
   */
  readonly silence?: number;
  /** The platform's, unless another one is given. */
  readonly fetch?: typeof fetch;
  /** The platform's, unless another one is given. */
  readonly WebSocket?: new (url: string) => WebSocket;
}

/** What is told of, besides what each topic's state says. */
export interface Events {
  /** The connection changed. */
  connection: { readonly connection: Connection; readonly reason?: string; readonly retryIn?: number };
  /** A topic is not followed. */
  refused: { readonly topic: string; readonly status: number; readonly message: string };
  /** A topic's figures cannot be read now. */
  trouble: { readonly topic: string; readonly message: string };
  /** The caller's rights changed, and a topic may not be followed any more. */
  unsubscribed: { readonly topic: string; readonly message: string };
  /** The session, account or key is not valid any more. The client does not try again by itself. */
  session_ended: { readonly message: string };
  /** The service stops. The client tries again by itself. */
  server_shutdown: { readonly message: string };
  /** The service did not understand this client. */
  error: { readonly message: string };
}

export class Client {
  readonly #options: Options;
  readonly #url: URL;
  readonly #topics = new Map<string, Topic<unknown>>();
  /** The topics that were asked for on this connection. */
  readonly #asked = new Set<string>();
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  readonly #online = () => this.#retryNow();
  #connection: Connection = "closed";
  #socket: WebSocket | undefined;
  #outbox: Outbox | undefined;
  #failed = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #alive: ReturnType<typeof setTimeout> | undefined;
  #isPlanned = false;
  /** Raised with every attempt, so that what an earlier one waited for is dropped. */
  #attempt = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#url = new URL(options.url ?? globalThis.location.href);
  }

  /** How the connection is. */
  get connection(): Connection {
    return this.#connection;
  }

  /** A topic, by its name: `sales`, `orders`, ... The same object each time. */
  topic<T = Record<string, unknown>>(name: string): Topic<T> {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const client = this;
      topic = new Topic<unknown>(name, {
        wanted: () => this.#plan(),
        get connection() {
          return client.#connection;
        },
      });
      this.#topics.set(name, topic);
    }
    return topic as Topic<T>;
  }

  /** A view, by its path and parameters: `/api/metrics/revenue?period=day`. */
  view<T = Record<string, unknown>>(path: string): Topic<T> {
    return this.topic<T>(`view:${path}`);
  }

  /** Is told of an event. Returns what ends it. */
  on<K extends keyof Events>(event: K, listener: (event: Events[K]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as (event: never) => void);
    return () => void listeners.delete(listener as (event: never) => void);
  }

  /**
   * Connects now where it is not connected: after `session_ended`, after `close`, or instead of
   * waiting for the next attempt. Following a topic connects by itself.
   */
  connect(): void {
    if (this.#connection === "open" || this.#connection === "connecting") return;
    clearTimeout(this.#retry);
    void this.#open();
  }

  /** Closes the connection. Topics keep what they have, and `connect` goes on from there. */
  close(): void {
    globalThis.removeEventListener?.("online", this.#online);
    this.#drop();
    this.#set("closed");
  }

  /** Asks for topics and leaves topics, once for all that changes in one go. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#settle();
    });
  }

  get #silence(): number {
    return this.#options.silence ?? 20_000;
  }

  #settle(): void {
    const wanted = [...this.#topics.values()].filter((topic) => topic.isWanted);
    if (wanted.length > 0 && this.#connection === "closed" && this.#attempt === 0) return this.connect();
    for (const topic of this.#topics.values()) if (!topic.isWanted) topic.left();
    if (this.#connection !== "open") return;
    const left = [...this.#asked].filter((name) => this.#topics.get(name)?.isWanted !== true);
    for (const name of left) this.#asked.delete(name);
    this.#send(requests("unsubscribe", left));
    const fresh: string[] = [];
    const since = new Map<string, string[]>();
    for (const topic of wanted.filter((it) => !this.#asked.has(it.name))) {
      this.#asked.add(topic.name);
      if (topic.held === undefined) {
        fresh.push(topic.name);
        continue;
      }
      const from = cursor(topic.held);
      since.set(from, [...(since.get(from) ?? []), topic.name]);
    }
    this.#send(requests("subscribe", fresh));
    for (const [from, names] of since) this.#send(requests("resume", names, from));
  }

  #send(messages: string[]): void {
    for (const message of messages) this.#outbox?.send(message);
  }

  async #open(): Promise<void> {
    this.#drop();
    const attempt = this.#attempt;
    globalThis.addEventListener?.("online", this.#online);
    this.#set("connecting");
    const { credential, fetch = globalThis.fetch.bind(globalThis) } = this.#options;
    const asked = await ticket(this.#url, credential, fetch, this.#silence);
    if (attempt !== this.#attempt) return;
    if ("refused" in asked) return this.#end(asked.refused);
    if ("failed" in asked) return this.#again(asked.failed, asked.after);
    const url = new URL(`/api/ws?ticket=${encodeURIComponent(asked.ticket)}`, this.#url);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new (this.#options.WebSocket ?? globalThis.WebSocket)(url.href);
    this.#socket = socket;
    this.#watch();
    socket.onopen = () => {
      this.#outbox = new Outbox((message) => socket.send(message));
      this.#set("open");
      this.#watch();
      this.#settle();
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      this.#failed = 0;
      const message = read(String(data));
      if (message !== undefined) this.#take(message);
    };
    socket.onclose = () => this.#again("the connection broke");
    // It is followed by a close, which says the same.
    socket.onerror = () => {};
  }

  #take(message: Frame | Word): void {
    if (isFrame(message)) {
      const topic = this.#topics.get(message.topic);
      // A new subscription brings a snapshot, which has the missing figures.
      if (topic?.frame(message) === true) this.#send(requests("subscribe", [topic.name]));
      return;
    }
    switch (message.kind) {
      case "subscribed":
        this.#topics.get(message.topic)?.word(message);
        return;
      case "refused":
      case "trouble":
        if (!this.#asked.has(message.topic)) return;
        this.#topics.get(message.topic)?.word(message);
        return this.#emit(message.kind, message as never);
      case "unsubscribed":
        this.#topics.get(message.topic)?.word(message);
        if (message.message !== undefined) this.#emit("unsubscribed", message as Events["unsubscribed"]);
        return;
      case "session_ended":
        return this.#end(message.message);
      case "server_shutdown":
      case "error":
        return this.#emit(message.kind, { message: message.message });
      case "pong":
    }
  }

  /** Asks for a sign of life when nothing came for a while, and gives the connection up without one. */
  #watch(): void {
    const silence = this.#silence;
    clearTimeout(this.#alive);
    this.#alive = setTimeout(() => {
      this.#outbox?.send('{"type":"ping"}');
      this.#alive = setTimeout(() => this.#again("the service is silent"), silence / 2);
    }, silence);
  }

  /** Tries again in a while. */
  #again(reason: string, after?: number): void {
    this.#drop();
    const backoff = this.#options.backoff ?? { first: 500, most: 15_000 };
    const retryIn = Math.max(after ?? 0, wait(backoff, this.#failed++, Math.random()));
    this.#retry = setTimeout(() => void this.#open(), retryIn);
    this.#set("waiting", { reason, retryIn });
  }

  #retryNow(): void {
    if (this.#connection === "waiting") this.connect();
  }

  #end(message: string): void {
    this.#drop();
    this.#set("ended", { reason: message });
    this.#emit("session_ended", { message });
  }

  /** Forgets the connection and all that waits for it. */
  #drop(): void {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    clearTimeout(this.#alive);
    this.#outbox?.close();
    this.#outbox = undefined;
    this.#asked.clear();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #set(connection: Connection, more: { reason?: string; retryIn?: number } = {}): void {
    if (connection === this.#connection) return;
    this.#connection = connection;
    for (const topic of this.#topics.values()) topic.connected(connection);
    this.#emit("connection", { connection, ...more });
  }

  #emit<K extends keyof Events>(event: K, what: Events[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(what as never);
  }
}
