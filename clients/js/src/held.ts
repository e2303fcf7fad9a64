/** What a client has of a topic, and what a frame makes of it: the rules of `docs/push.md`. */

import type { Frame } from "./frames.js";

/** The figures of a topic as they were at a position. */
export interface Held<T> {
  readonly log: string | undefined;
  readonly generation: number;
  readonly position: number;
  readonly at: string;
  readonly data: T;
}

/**
 * What a frame makes of what a client has: the next state; the same one where it is in there already;
 * or `"gap"` where frames are missing in between, which a snapshot closes.
 *
 * @param replaces whether a snapshot replaces what there is, whatever its position: the service said
 * that the client cannot go on from where it was.
 */
export function taken<T>(held: Held<T> | undefined, frame: Frame, replaces: boolean): Held<T> | "gap" {
  const { log, generation, position, at } = frame;
  const isOther = held !== undefined && (log !== held.log || generation !== held.generation);
  if (frame.kind === "snapshot") {
    const isNewer =
      held === undefined ||
      replaces ||
      isOther ||
      position > held.position ||
      (position === held.position && at > held.at);
    return isNewer ? { log, generation, position, at, data: frame.data as T } : held;
  }
  if (held === undefined || replaces || isOther) return "gap";
  if (position <= held.position) return held;
  if (frame.from > held.position) return "gap";
  return { log, generation, position, at, data: { ...held.data, ...(frame.data as object) } };
}

/** The cursor to go on from. To the service alone it has parts. */
export function cursor(held: Held<unknown>): string {
  const position = `${held.generation}-${held.position}`;
  return held.log === undefined ? position : `${held.log}.${position}`;
}
