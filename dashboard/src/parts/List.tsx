import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { address, go } from "../address/navigation";
import { path } from "../address/views";
import type { Pages } from "../state/shapes";
import { useStore } from "../state/store";
import { Panel } from "./Panel";
import { useFigures, useSay } from "./use";
import { useViews } from "./useViews";

export const SORTS = ["netSales", "orders", "units", "newest", "id"] as const;

export interface Column<R> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** Left out where there is little room. */
  readonly isMinor?: boolean;
  readonly cell: (row: R) => ComponentChildren;
}

interface Props<A extends Pages, R> {
  readonly title: string;
  /** Where the list is asked for, and with what besides search, sort and page. */
  readonly at: string;
  readonly parameters: Record<string, string | number | undefined>;
  /** Whether a search is in all there is, whatever the range and the filters. */
  readonly searchesAll?: boolean;
  readonly sorts: readonly string[];
  readonly hint: string;
  readonly columns: readonly Column<R>[];
  readonly rows: (answer: A) => readonly R[];
  readonly id: (row: R) => string;
}

const ROWS = 25;
/** A pause in typing, in milliseconds, after which it is searched. */
const TYPED = 300;

/** A list that can be searched and sorted, a page at a time. */
export function List<A extends Pages, R>(props: Props<A, R>) {
  const { title, at, parameters, sorts, hint, columns, rows, id, searchesAll } = props;
  const say = useSay();
  const { search, sort = sorts[0] } = useStore(address, (it) => it);
  const question =
    search === ""
      ? path(at, { ...parameters, limit: ROWS, sort })
      : path(at, { ...(searchesAll === true ? {} : parameters), limit: ROWS, search });
  const [cursor, setCursor] = useState<{ question: string; next: string }>();
  const isFirst = cursor?.question !== question;
  const asked = isFirst ? question : `${question}&cursor=${encodeURIComponent(cursor.next)}`;
  useViews([asked]);
  const figures = useFigures<A>(asked);
  const shown = figures.data === undefined ? [] : rows(figures.data);
  const next = figures.data?.pagination.next ?? undefined;
  return (
    <div class="grid">
      <Panel title={title} figures={figures} size="full" rows={ROWS} tools={<Find hint={hint} sorts={sorts} />}>
        {() => (
          <>
            <div class="scroll" tabIndex={0} role="group" aria-label={title}>
              <table class="rows">
                <thead>
                  <tr>
                    {columns.map((it) => (
                      <th key={it.title} scope="col" class={kind(it)}>
                        {it.title}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {shown.map((row) => (
                    <tr key={id(row)}>
                      {columns.map((it) => (
                        <td key={it.title} class={kind(it)}>
                          {it.cell(row)}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {shown.length === 0 && next === undefined && <p class="notice">{say("list.nothing")}</p>}
            <div class="pager">
              {!isFirst && (
                <button type="button" onClick={() => setCursor(undefined)}>
                  {say("list.first")}
                </button>
              )}
              {next !== undefined && (
                <button type="button" onClick={() => setCursor({ question, next })}>
                  {say("list.next")}
                </button>
              )}
            </div>
          </>
        )}
      </Panel>
    </div>
  );
}

function kind({ isNumber, isMinor }: Column<never>): string {
  return `${isNumber === true ? "n" : ""} ${isMinor === true ? "minor" : ""}`.trim();
}

function Find({ hint, sorts }: { readonly hint: string; readonly sorts: readonly string[] }) {
  const say = useSay();
  const { search, sort = sorts[0] ?? "" } = useStore(address, (it) => it);
  const [typed, setTyped] = useState(search);
  useEffect(() => setTyped(search), [search]);
  useEffect(() => {
    const timer = setTimeout(() => typed.trim() !== search && go({ search: typed.trim() }, true), TYPED);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <div class="find" role="search">
      <input
        type="search"
        aria-label={say("list.search")}
        placeholder={hint}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {sorts.length > 1 && (
        <select
          aria-label={say("list.sort")}
          value={sort}
          disabled={search !== ""}
          onChange={(event) => go({ sort: event.currentTarget.value })}
        >
          {SORTS.filter((it) => sorts.includes(it)).map((it) => (
            <option key={it} value={it}>
              {say(`list.sort.${it}`)}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
