/** What is asked for once, and again when somebody says so. */

import { useCallback, useEffect, useState } from "preact/hooks";
import { type Problem, problemOf } from "./api";
import { authorized } from "./session";

export interface Asked<T> {
  readonly data: T | undefined;
  readonly problem: Problem | undefined;
  readonly again: () => void;
}

/** The answer to a path. What there was stays until the next one is there. */
export function useAsked<T>(path: string | undefined, every?: number): Asked<T> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<{ path?: string; data?: T; problem?: Problem }>({});
  const again = useCallback(() => setTurn((it) => it + 1), []);
  useEffect(() => {
    if (path === undefined) return;
    const asking = new AbortController();
    authorized<T>(path, { signal: asking.signal })
      .then(({ data }) => setState({ path, data }))
      .catch((error: unknown) => {
        if (asking.signal.aborted) return;
        const problem = problemOf(error);
        setState((had) => (had.path === path ? { ...had, problem } : { path, problem }));
      });
    return () => asking.abort();
  }, [path, turn]);
  useEffect(() => {
    if (every === undefined) return;
    const timer = setInterval(again, every);
    return () => clearInterval(timer);
  }, [every]);
  const is = state.path === path ? state : {};
  return { data: is.data, problem: is.problem, again };
}

/**
 * Does something; what comes of it is the caller's business.
 *
 * @throws Problem
 */
export async function act<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  return (await authorized<T>(path, { method, body })).data;
}
