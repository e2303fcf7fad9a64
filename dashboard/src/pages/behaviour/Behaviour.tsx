import { useMemo } from "preact/hooks";
import { type Address, daysOf } from "../../address/address";
import { address } from "../../address/navigation";
import { grain } from "../../address/range";
import { naming, path, series, taken } from "../../address/views";
import { type Bar, Bars } from "../../parts/Bars";
import { Chart } from "../../parts/Chart";
import { Facts } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { useFigures, useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Trend } from "../../state/shapes";
import { useStore } from "../../state/store";
import type { Key } from "../../words/words";
import { en } from "../../words/en";

interface Actives {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly active: number;
  readonly new: number;
  readonly returning: number;
  readonly trends: readonly (Trend & { readonly active: number; readonly new: number })[];
}

interface Counted extends Trend {
  readonly count: number;
}

interface Activities {
  readonly totalActivities: number;
  readonly byType: readonly Counted[];
  readonly byPage: readonly Counted[];
}

interface Sessions {
  readonly sessions: number;
  readonly bounceRate: number;
  readonly activitiesPerSession: number;
  readonly byDevice: readonly (Trend & { readonly sessions: number; readonly bounceRate: number })[];
  readonly byEntryPage: readonly (Trend & { readonly sessions: number; readonly bounceRate: number })[];
}

function views(at: Address) {
  const inSeries = series(at);
  return {
    actives: path("/api/metrics/actives", inSeries),
    activities: path("/api/metrics/behaviour", { ...inSeries, ...taken(at.filters, "/api/metrics/behaviour"), limit: 10 }),
    sessions: path("/api/metrics/sessions", { ...inSeries, limit: 10 }),
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
                [say("behaviour.now"), live === undefined ? null : formats.number(live.activeNow)],
                [say("behaviour.daily"), formats.number(a.daily)],
                [say("behaviour.weekly"), formats.number(a.weekly)],
                [say("behaviour.monthly"), formats.number(a.monthly)],
                [say("behaviour.new"), formats.number(a.new)],
                [say("behaviour.returning"), formats.number(a.returning)],
                [say("behaviour.sessions"), s === undefined ? null : formats.number(s.sessions)],
                [say("behaviour.bounceRate"), s === undefined ? null : formats.percent(s.bounceRate)],
                [say("behaviour.perSession"), s === undefined ? null : formats.number(s.activitiesPerSession)],
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
      <Panel title={say("behaviour.types")} figures={activities} view="/api/metrics/behaviour" isEmpty={isEmpty} fill="activity" size="half">
        {() => <Bars bars={(activities.data?.byType ?? []).map((it) => bar(it, `type.${it._id}`, it.count))} />}
      </Panel>
      <Panel title={say("behaviour.devices")} figures={sessions} view="/api/metrics/sessions" isEmpty={noSessions} fill="activity" size="half">
        {() => <Bars bars={(s?.byDevice ?? []).map((it) => bar(it, `device.${it._id}`, it.sessions))} />}
      </Panel>
      <Panel title={say("behaviour.entries")} figures={sessions} view="/api/metrics/sessions" isEmpty={noSessions} fill="activity" size="half">
        {() => <Bars bars={(s?.byEntryPage ?? []).map((it) => bar(it, "", it.sessions))} />}
      </Panel>
      <Panel title={say("behaviour.pages")} figures={activities} view="/api/metrics/behaviour" isEmpty={isEmpty} fill="activity" size="half">
        {() => <Bars bars={(activities.data?.byPage ?? []).map((it) => bar(it, "", it.count))} />}
      </Panel>
    </div>
  );

  function bar({ _id }: Trend, key: string, value: number): Bar {
    const name = _id === "(none)" ? say("panel.none") : key in en ? say(key as Key) : _id;
    return { id: _id, name, value, shown: formats.number(value) };
  }
}

function Line({ trends }: { readonly trends: Actives["trends"] }) {
  const say = useSay();
  const formats = useFormats();
  const length = grain(daysOf(useStore(address, (it) => it)));
  const labels = trends.map((it) => formats.period(it._id, length));
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
    />
  );
}
