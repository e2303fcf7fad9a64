/** Messages on their way out, no faster than the service answers them. */

/** So many go at once, and then one each so many milliseconds; the service answers 40, and 10 a second. */
const AT_ONCE = 20;
const EACH = 150;

export class Outbox {
  readonly #waiting: string[] = [];
  #left = AT_ONCE;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly out: (message: string) => void) {}

  send(message: string): void {
    if (this.#left > 0) {
      this.#left -= 1;
      this.out(message);
    } else {
      this.#waiting.push(message);
    }
    this.#timer ??= setInterval(() => this.#tick(), EACH);
  }

  /** Sends nothing any more. */
  close(): void {
    clearInterval(this.#timer);
    this.#waiting.length = 0;
  }

  #tick(): void {
    const message = this.#waiting.shift();
    if (message !== undefined) return this.out(message);
    this.#left += 1;
    if (this.#left === AT_ONCE) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
