/** A state that can be followed. It is replaced as a whole and never changed in place. */

import { useEffect, useState } from "preact/hooks";

export class Store<S extends object> {
  #state: S;
  readonly #listeners = new Set<() => void>();

  constructor(state: S) {
    this.#state = state;
  }

  get state(): S {
    return this.#state;
  }

  /** Replaces members; tells nobody where all of them are what they were. */
  set(changes: Partial<S>): void {
    const isSame = Object.entries(changes).every(([name, value]) => Object.is(this.#state[name as keyof S], value));
    if (isSame) return;
    this.#state = { ...this.#state, ...changes };
    for (const listener of [...this.#listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** A part of a store; the component is drawn again when that part is another one. */
export function useStore<S extends object, T>(store: Store<S>, select: (state: S) => T): T {

  const selected = select(store.state);
  const [, draw] = useState<unknown>(() => selected);
  useEffect(() => {
    const look = () => draw(() => select(store.state));
    look();
    return store.subscribe(look);
    // The selector may depend on variables that the component closes over.
  }, [store, select]);
  return selected;
}
