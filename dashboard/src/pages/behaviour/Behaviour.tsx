import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { type Address, type Explained, daysOf } from "../../address/address";
import { address, go } from "../../address/navigation";
import { daysOfPeriod } from "../../address/period";
import { grain } from "../../address/range";
import { naming, path, series, taken } from "../../address/views";
import { type Bar, Bars } from "../../parts/Bars";
import { Chart } from "../../parts/Chart";
import { Opens } from "../../parts/Figure";
import { Facts } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { NO_VALUE, stated, useFigures, useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Activities, Sessions, Trend } from "../../state/shapes";
import { useStore } from "../../state/store";

interface Actives {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly active: number;
  readonly new: number;
  readonly returning: number;
  readonly trends: readonly (Trend & { readonly active: number; readonly new: number })[];
}

function views(at: Address) {
  const inSeries = series(at);
  return {
    actives: path("/api/metrics/actives", inSeries),
    activities: path("/api/metrics/behaviour", { ...inSeries, ...taken(at.filters, "/api/metrics/behaviour"), limit: 10 }),
    sessions: path("/api/metrics/sessions", { ...inSeries, ...taken(at.filters, "/api/metrics/sessions"), limit: 10 }),
    live: "/api/metrics/live",
    name: naming(at.filters),
  };
}

/** What visitors do: who is active, how sessions go, which pages and devices. */
export function Behaviour() {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const paths = useMemo(() => views(at), [at.range, at.from, at.to, at.zone, at.filters]);
  useViews(Object.values(paths));
  const actives = useFigures<Actives>(paths.actives);
  const activities = useFigures<Activities>(paths.activities);
  const sessions = useFigures<Sessions>(paths.sessions);
  const isEmpty = activities.data?.totalActivities === 0;
  const noSessions = sessions.data?.sessions === 0;
  const { data: live } = useFigures<{ activeNow: number }>(paths.live);
  const { data: a } = actives;
  const { data: s } = sessions;
  return (
    <div class="grid">
      <Panel
        title={say("behaviour.actives")}
        about={say("behaviour.about")}
        figures={actives}
        view="/api/metrics/actives"
        rows={4}
      >
        {() =>
          a !== undefined && (
            <Facts
              facts={[
                [say("behaviour.now"), live === undefined ? null : opens("now", formats.number(live.activeNow))],
                [say("behaviour.daily"), opens("daily", formats.number(a.daily))],
                [say("behaviour.weekly"), opens("weekly", formats.number(a.weekly))],
                [say("behaviour.monthly"), opens("monthly", formats.number(a.monthly))],
                [say("figure.active"), opens("active", formats.number(a.active))],
                [say("behaviour.new"), opens("new", formats.number(a.new))],
                [say("behaviour.returning"), opens("returning", formats.number(a.returning))],
                [say("figure.activities"), activities.data === undefined ? null : opens("activities", formats.number(activities.data.totalActivities))],
                [say("behaviour.sessions"), s === undefined ? null : opens("sessions", formats.number(s.sessions))],
                [say("behaviour.bounceRate"), s === undefined ? null : opens("bounceRate", formats.percent(s.bounceRate))],
                [
                  say("behaviour.perSession"),
                  s === undefined || s.activitiesPerSession === null ? null : opens("perSession", formats.number(s.activitiesPerSession)),
                ],
              ]}
            />
          )
        }
      </Panel>
      <Panel
        title={say("behaviour.overTime")}
        figures={actives}
        view="/api/metrics/actives"
        isEmpty={(a?.trends ?? []).every((it) => it.active === 0)}
        fill="activity"
        size="wide"
      >
        {() => <Line trends={a?.trends ?? []} />}
      </Panel>
      <Panel title={say("behaviour.types")} figures={activities} isOfAll view="/api/metrics/behaviour" isEmpty={isEmpty} fill="activity" size="half">
        {() => <Bars bars={(activities.data?.byType ?? []).map((it) => bar("activities", "activityType", it._id, it.count))} />}
      </Panel>
      <Panel title={say("behaviour.devices")} figures={sessions} isOfAll view="/api/metrics/sessions" isEmpty={noSessions} fill="activity" size="half">
        {() => <Bars bars={(s?.byDevice ?? []).map((it) => bar("sessions", "device", it._id, it.sessions))} />}
      </Panel>
      <Panel title={say("behaviour.entries")} figures={sessions} isOfAll view="/api/metrics/sessions" isEmpty={noSessions} fill="activity" size="half">
        {() => <Bars bars={(s?.byEntryPage ?? []).map((it) => bar("sessions", "pagePath", it._id, it.sessions))} />}
      </Panel>
      <Panel title={say("behaviour.pages")} figures={activities} isOfAll view="/api/metrics/behaviour" isEmpty={isEmpty} fill="activity" size="half">
        {() => <Bars bars={(activities.data?.byPage ?? []).map((it) => bar("activities", "pagePath", it._id, it.count))} />}
      </Panel>
    </div>
  );

  function opens(figure: Explained, shown: string): ComponentChildren {
    return (
      <Opens figure={figure} name={say(`figure.${figure}`)}>
        {shown}
      </Opens>
    );
  }

  function bar(figure: Explained, of: "activityType" | "device" | "pagePath", id: string, value: number): Bar {
    const name = of === "pagePath" ? (id === NO_VALUE ? say("panel.none") : id) : stated(say, of, id);
    return { id, name, value, shown: formats.number(value), opens: { figure, part: { name: of, value: id } } };
  }
}

function Line({ trends }: { readonly trends: Actives["trends"] }) {
  const say = useSay();
  const formats = useFormats();
  const length = grain(daysOf(useStore(address, (it) => it)));
  const labels = trends.map((it) => formats.period(it._id, length));
  const select = (first: number, last: number) => {
    const [from, to] = [trends[first]?._id, trends[last]?._id];
    if (from !== undefined && to !== undefined) {
      go({ range: "custom", from: daysOfPeriod(from).from, to: daysOfPeriod(to).to });
    }
  };
  const open = (at: number) => {
    const id = trends[at]?._id;
    if (id === undefined) return;
    // An hour opens its day.
    if (length === "day" || length === "hour") go({ explain: "active", part: undefined, day: daysOfPeriod(id).from });
    else select(at, at);
  };
  const alt = say("panel.chart", {
    name: say("behaviour.overTime"),
    total: formats.number(Math.max(0, ...trends.map((it) => it.active))),
    first: labels[0] ?? "",
    last: labels.at(-1) ?? "",
  });
  return (
    <Chart
      labels={labels}
      series={[
        { name: say("behaviour.actives"), values: trends.map((it) => it.active) },
        { name: say("behaviour.new"), values: trends.map((it) => it.new), quiet: true },
      ]}
      shown={formats.number}
      axis={formats.short}
      alt={alt}
      onPick={open}
      {...(length === "hour" ? {} : { onSelect: select })}
    />
  );
}
