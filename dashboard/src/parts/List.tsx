import { useEffect, useState } from "preact/hooks";
import { address, go } from "../address/navigation";
import { type View, naming, path } from "../address/views";
import type { Pages } from "../state/shapes";
import { useStore } from "../state/store";
import { Pager } from "./Pager";
import { Panel } from "./Panel";
import { type Column, Table } from "./Table";
import { useFigures, useSay } from "./use";
import { useViews } from "./useViews";

export const SORTS = ["netSales", "orders", "units", "newest", "id"] as const;

interface Props<A extends Pages, R> {
  readonly title: string;
  /** Where the list is asked for, and with what besides search, sort and page. */
  readonly at: View;
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
  const { search, sort = sorts[0], filters } = useStore(address, (it) => it);
  const question =
    search === ""
      ? path(at, { ...parameters, limit: ROWS, sort })
      : path(at, { ...(searchesAll === true ? {} : parameters), limit: ROWS, search });
  const [cursor, setCursor] = useState<{ question: string; next: string }>();
  const isFirst = cursor?.question !== question;
  const asked = isFirst ? question : `${question}&cursor=${encodeURIComponent(cursor.next)}`;
  useViews([asked, naming(filters)]);
  const figures = useFigures<A>(asked);
  const shown = figures.data === undefined ? [] : rows(figures.data);
  const next = figures.data?.pagination.next ?? undefined;
  return (
    <div class="grid">
      <Panel title={title} figures={figures} view={at} size="full" rows={ROWS} tools={<Find hint={hint} sorts={sorts} />}>
        {() => (
          <>
            {shown.length === 0 && next === undefined ? (
              <p class="notice">{say(search === "" ? "list.none" : "list.nothing")}</p>
            ) : (
              <Table name={title} columns={columns} rows={shown} id={id} />
            )}
            <Pager
              onFirst={isFirst ? undefined : () => setCursor(undefined)}
              onNext={next === undefined ? undefined : () => setCursor({ question, next })}
            />
          </>
        )}
      </Panel>
    </div>
  );
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
