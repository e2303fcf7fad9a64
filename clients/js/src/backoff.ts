/** How long to wait before the next attempt. */

/** The bounds, in milliseconds. */
export interface Backoff {
  /** The most to wait before the first attempt. */
  readonly first: number;
  /** The most to wait before any. */
  readonly most: number;
}

/**
 * The milliseconds before an attempt, which are a random part of what doubles each time: clients that
 * lost a service at once do not come back at once.
 *
 * @param failed attempts that failed since a connection was open.
 * @param random a number from 0 up to 1.
 */
export function wait({ first, most }: Backoff, failed: number, random: number): number {
  const bound = Math.min(most, first * 2 ** Math.min(failed, 30));
  return bound * (0.5 + random / 2);
}
