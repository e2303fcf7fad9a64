import { useState } from "preact/hooks";
import { path } from "../../address/views";
import { type Asked, useAsked } from "../../state/asked";
import type { Pages } from "../../state/shapes";

interface Rows<R> {
  /** The rows of all pages that were asked for. */
  readonly rows: readonly R[];
  /** Whether the first page is still to come. */
  readonly isComing: boolean;
  readonly last: Asked<unknown>;
  /** Asks for one more page; left out where there is none. */
  readonly more: (() => void) | undefined;
}

/** The rows of an answer that has pages: those of the first one, and of each further one that somebody asks for. */
export function usePages<A extends Pages, R>(
  first: Asked<A>,
  view: string,
  parameters: Record<string, string | number | undefined>,
  of: (answer: A) => readonly R[],
): Rows<R> {
  const [cursor, setCursor] = useState<string>();
  const [before, setBefore] = useState<readonly R[]>([]);
  const next = useAsked<A>(cursor === undefined ? undefined : path(view, { ...parameters, cursor }));
  const last = cursor === undefined ? first : next;
  const rows = last.data === undefined ? before : [...before, ...of(last.data)];
  const behind = last.data?.pagination.next ?? undefined;
  const more = () => {
    setBefore(rows);
    setCursor(behind);
  };
  return { rows, isComing: rows.length === 0 && last.data === undefined, last, more: behind === undefined ? undefined : more };
}
