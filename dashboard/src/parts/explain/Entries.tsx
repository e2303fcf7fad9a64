import { link } from "../../address/navigation";
import { UNEXPLAINED } from "../../address/address";
import type { Asked } from "../../state/asked";
import type { Pages } from "../../state/shapes";
import { Generated } from "../Bars";
import { Failed, Skeleton } from "../Panel";
import { Table } from "../Table";
import { isGenerated, useShows } from "../use";
import { More } from "./More";
import { usePages } from "./usePages";

interface Entry {
  readonly kind: "order" | "transaction" | "refunds" | "refund";
  readonly id: string;
  readonly contribution: number;
  readonly at: string;
  readonly userId: string | null;
  readonly changes: number;
}

export interface Explained extends Pages {
  readonly value: number;
  readonly days?: readonly { readonly _id: string; readonly value: number }[];
  readonly entries: readonly Entry[];
}

interface Props {
  readonly first: Asked<Explained>;
  readonly base: Record<string, string | number | undefined>;
  readonly shown: (value: number) => string;
}

/** Every order, sale and refund that adds up to a figure, some at a time. */
export function Entries({ first, base, shown }: Props) {
  const { say, formats } = useShows();
  const { rows: entries, isComing, last, more } = usePages(first, "/api/metrics/explain", base, (it) => it.entries);
  if (last.problem !== undefined && last.data === undefined) return <Failed problem={last.problem} onAgain={last.again} />;
  if (isComing) return <Skeleton rows={8} />;
  if (entries.length === 0 && more === undefined) return <p class="notice">{say("empty.order")}</p>;
  const page = (to: "orders" | "customers", id: string) => link({ page: to, id, ...UNEXPLAINED });
  return (
    <>
      <Table
        name={say("explain.about")}
        rows={entries}
        id={(it) => `${it.kind}${it.id}${it.at}`}
        columns={[
          { title: say("explain.kind"), cell: (it) => say(`explain.${it.kind}`) },
          {
            title: say("list.id"),
            cell: (it) => (
              <>
                {it.kind === "order" ? (
                  <a href={page("orders", it.id)} data-go="">
                    {it.id}
                  </a>
                ) : (
                  it.id
                )}
                {isGenerated(it.id) && <Generated />}
              </>
            ),
          },
          { title: say("explain.when"), cell: (it) => formats.instant(it.at) },
          {
            title: say("explain.who"),
            isMinor: true,
            cell: ({ userId }) =>
              userId === null ? (
                "–"
              ) : (
                <a href={page("customers", userId)} data-go="">
                  {userId}
                </a>
              ),
          },
          { title: say("explain.changes"), isNumber: true, isMinor: true, cell: (it) => formats.number(it.changes) },
          { title: say("explain.amount"), isNumber: true, cell: (it) => shown(it.contribution) },
        ]}
      />
      <More onMore={more} />
    </>
  );
}
