import { type Address, UNEXPLAINED, type Who } from "../../address/address";
import { address, link } from "../../address/navigation";
import { today } from "../../address/range";
import { type View, explained, path, range, taken } from "../../address/views";
import { useAsked } from "../../state/asked";
import type { Pages } from "../../state/shapes";
import { useStore } from "../../state/store";
import { Generated } from "../Bars";
import { Failed, Skeleton } from "../Panel";
import { Table } from "../Table";
import { isGenerated, useShows } from "../use";
import { More } from "./More";
import { usePages } from "./usePages";

interface Customer {
  readonly userId: string;
  readonly username: string | null;
  readonly times: number;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
}

interface Customers extends Pages {
  readonly value: number;
  readonly customers: readonly Customer[];
}

/** What customers are counted by. */
interface Counting {
  readonly view: View;
  /** What `times` are. */
  readonly times: "named.orders" | "named.attempts" | "named.activities";
  readonly about: "named.buyers" | "named.cohort" | "named.funnel" | "named.actives";
  readonly ask: (at: Address, figure: Who) => Record<string, string | number | undefined>;
}

const FUNNEL: Counting = {
  view: "/api/metrics/funnel/customers",
  times: "named.attempts",
  about: "named.funnel",
  ask: (at, stage) => ({ ...range(at, explained(at)), ...taken(at.filters, "/api/metrics/funnel"), stage }),
};
const ACTIVES: Counting = {
  view: "/api/metrics/actives/customers",
  times: "named.activities",
  about: "named.actives",
  ask: (at, figure) => ({ ...range(at, explained(at)), figure }),
};

const COUNTING: Readonly<Record<Who, Counting>> = {
  buyers: {
    view: "/api/metrics/sales/customers",
    times: "named.orders",
    about: "named.buyers",
    ask: (at) => ({ ...range(at, explained(at)), ...taken(at.filters, "/api/metrics/sales/customers") }),
  },
  cohort: {
    view: "/api/metrics/retention/customers",
    times: "named.orders",
    about: "named.cohort",
    ask: ({ zone, part }) => {
      const [cohort, after] = (part?.value ?? "").split("+");
      return { period: "month", tz: zone, cohort, after };
    },
  },
  viewed: FUNNEL,
  added: FUNNEL,
  purchased: FUNNEL,
  active: ACTIVES,
  new: ACTIVES,
  returning: ACTIVES,
  daily: ACTIVES,
  weekly: ACTIVES,
  monthly: ACTIVES,
  // It is of this quarter hour, whatever the range.
  now: { ...ACTIVES, ask: ({ zone }, figure) => ({ startDate: today(zone), tz: zone, figure }) },
};

/** A number of distinct customers: each of them, with how often and when. */
export function Named({ figure }: { readonly figure: Who }) {
  const { say, formats } = useShows();
  const at = useStore(address, (it) => it);
  const { view, about, times, ask } = COUNTING[figure];
  const asked = { ...ask(at, figure), limit: 50 };
  const first = useAsked<Customers>(path(view, asked));
  const { rows, isComing, last, more } = usePages(first, view, asked, (it) => it.customers);
  const { data } = first;
  const instant = (at: string | null) => (at === null ? "–" : formats.minute(at));
  return (
    <>
      <p class="big" data-explained={data?.value}>
        {data === undefined ? "…" : formats.number(data.value)}
      </p>
      <p class="quiet">{say(about)}</p>
      {last.problem !== undefined && last.data === undefined ? (
        <Failed problem={last.problem} onAgain={last.again} />
      ) : isComing ? (
        <Skeleton rows={8} />
      ) : rows.length === 0 && more === undefined ? (
        <p class="notice">{say("list.nothing")}</p>
      ) : (
        <Table
          name={say(about)}
          rows={rows}
          id={(it) => it.userId}
          columns={[
            {
              title: say("explain.who"),
              cell: ({ userId, username }) => (
                <>
                  <a href={link({ page: "customers", id: userId, ...UNEXPLAINED })} data-go="">
                    {username ?? userId}
                  </a>
                  {isGenerated(userId) && <Generated />}
                </>
              ),
            },
            { title: say("named.first"), cell: (it) => instant(it.firstAt) },
            { title: say("named.last"), isMinor: true, cell: (it) => instant(it.lastAt) },
            { title: say(times), isNumber: true, cell: (it) => formats.number(it.times) },
          ]}
        />
      )}
      <More onMore={more} />
    </>
  );
}
