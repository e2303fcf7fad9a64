import type { Address, Count } from "../../address/address";
import { address, go } from "../../address/navigation";
import { type Days, type Grain, count } from "../../address/range";
import { type View, explained, path, range, taken } from "../../address/views";
import { useAsked } from "../../state/asked";
import type { Activities, Feedback, Sessions, Trend } from "../../state/shapes";
import { useStore } from "../../state/store";
import { Opens } from "../Figure";
import { Failed, Skeleton } from "../Panel";
import { Table } from "../Table";
import { useShows } from "../use";

/** The longest range that is told by day, in days. */
const BY_DAY = 400;

/** A period of the trend, as any of the views has it. */
type Period = Activities["trends"][number] & Sessions["trends"][number];

type Answer = Pick<Activities, "totalActivities"> &
  Pick<Sessions, "sessions" | "bounces"> &
  Pick<Feedback, "totalRatings"> & { readonly trends: readonly Period[] };

interface Source {
  readonly view: View;
  readonly total: (answer: Answer) => number;
  /** How many there were in a period. */
  readonly of: (period: Period) => number;
}

const SOURCES: Readonly<Record<Count, Source>> = {
  activities: { view: "/api/metrics/behaviour", total: (it) => it.totalActivities, of: (it) => it.count },
  sessions: { view: "/api/metrics/sessions", total: (it) => it.sessions, of: (it) => it.sessions },
  bounces: { view: "/api/metrics/sessions", total: (it) => it.bounces, of: (it) => it.bounces },
  ratings: { view: "/api/metrics/feedback", total: (it) => it.totalRatings, of: (it) => it.count },
};

function grain({ from, to }: Days): Grain {
  if (from === undefined || to === undefined) return "month";
  const length = count(from, to);
  return length === 1 ? "hour" : length <= BY_DAY ? "day" : "month";
}

/** The filters of what is explained: the part that was chosen, else those of the page. */
function filters({ part, filters }: Address, view: View): Record<string, string | number | undefined> {
  return part === undefined ? taken(filters, view) : { [part.name]: part.value };
}

/** A figure that is counted, and not kept one by one: the same by month, day or hour, which adds up to it. */
export function OverTime({ figure }: { readonly figure: Count }) {
  const { say, formats } = useShows();
  const at = useStore(address, (it) => it);
  const { view, total, of } = SOURCES[figure];
  const days = explained(at);
  const length = grain(days);
  const asked = { ...range(at, days), ...filters(at, view), period: length, limit: 1 };
  const { data, problem, again } = useAsked<Answer>(path(view, asked));
  if (data === undefined) return problem === undefined ? <Skeleton rows={8} /> : <Failed problem={problem} onAgain={again} />;
  const periods = data.trends.filter((it) => of(it) !== 0);
  const named = (it: Trend) => (length === "day" ? formats.day(it._id) : formats.period(it._id, length));
  return (
    <>
      <p class="big" data-explained={total(data)}>
        {formats.number(total(data))}
      </p>
      <p class="quiet">{say("counted.about")}</p>
      <div class="find">
        {at.day !== undefined && (
          <button type="button" onClick={() => go({ day: undefined }, true)}>
            {say("explain.allDays")}
          </button>
        )}
        {figure === "activities" && at.part === undefined && (
          <Opens class="link" figure="active" name={say("counted.byCustomer")}>
            {say("counted.byCustomer")}
          </Opens>
        )}
      </div>
      {periods.length === 0 && <p class="notice">{say("list.nothing")}</p>}
      <Table
        name={say(`figure.${figure}`)}
        rows={periods}
        id={(it) => it._id}
        columns={[
          {
            title: say(length === "hour" ? "counted.hour" : length === "day" ? "explain.day" : "counted.month"),
            cell: (it) =>
              length === "day" ? (
                <button type="button" class="link" onClick={() => go({ day: it._id }, true)}>
                  {named(it)}
                </button>
              ) : (
                named(it)
              ),
          },
          { title: say(`figure.${figure}`), isNumber: true, cell: (it) => formats.number(of(it)) },
        ]}
      />
    </>
  );
}
