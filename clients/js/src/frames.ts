/** What the service sends over a connection, and how a message becomes one of these. */

/** Figures of a topic: all of them, or those that changed. */
export interface Frame {
  readonly kind: "snapshot" | "delta";
  /** A topic, or `view:` and the path of a view. */
  readonly topic: string;
  /** The log that positions are of: that of another has other digits. */
  readonly log?: string | undefined;
  /** The read models that the figures are of. */
  readonly generation: number;
  /** The position of the topic's frame before. */
  readonly from: number;
  /** The position of the log that the figures reflect. */
  readonly position: number;
  /** When the figures were read, as RFC 3339 in UTC. */
  readonly at: string;
  readonly data: unknown;
}

/** A word about a topic, or about the connection. */
export type Word =
  | { readonly kind: "subscribed"; readonly topic: string; readonly recovered?: boolean }
  | { readonly kind: "refused"; readonly topic: string; readonly status: number; readonly message: string }
  | { readonly kind: "trouble"; readonly topic: string; readonly message: string }
  | { readonly kind: "unsubscribed"; readonly topic: string; readonly message?: string }
  | { readonly kind: "session_ended"; readonly message: string }
  | { readonly kind: "server_shutdown"; readonly message: string }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "pong" };

const KINDS: ReadonlySet<unknown> = new Set([
  "snapshot",
  "delta",
  "subscribed",
  "refused",
  "trouble",
  "unsubscribed",
  "session_ended",
  "server_shutdown",
  "error",
  "pong",
]);

/** Reads a message. `undefined` for a kind that this version does not know. */
export function read(text: string): Frame | Word | undefined {
  const message: unknown = JSON.parse(text);
  if (typeof message !== "object" || message === null) return undefined;
  return KINDS.has((message as { kind?: unknown }).kind) ? (message as Frame | Word) : undefined;
}

export function isFrame(message: Frame | Word): message is Frame {
  return message.kind === "snapshot" || message.kind === "delta";
}

/** The service takes no longer message; a little is left for the rest of it. */
const NAMES_BYTES = 3_900;
const VIEW = "view:";

/**
 * The messages that ask for topics, each short enough for the service: to follow them, from a cursor
 * on where there is one, or to follow them no more.
 */
export function requests(
  type: "subscribe" | "unsubscribe" | "resume",
  names: readonly string[],
  since?: string,
): string[] {
  const messages: string[] = [];
  let topics: string[] = [];
  let views: string[] = [];
  let bytes = 0;
  const end = () => {
    if (topics.length + views.length === 0) return;
    messages.push(JSON.stringify(since === undefined ? { type, topics, views } : { type, since, topics, views }));
    [topics, views, bytes] = [[], [], 0];
  };
  for (const name of names) {
    const length = new TextEncoder().encode(JSON.stringify(name)).length + 1;
    if (bytes + length > NAMES_BYTES) end();
    bytes += length;
    if (name.startsWith(VIEW)) views.push(name.slice(VIEW.length));
    else topics.push(name);
  }
  end();
  return messages;
}
