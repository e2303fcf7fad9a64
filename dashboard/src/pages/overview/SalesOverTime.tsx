import { useMemo } from "preact/hooks";
import { go } from "../../address/navigation";
import { type Days, grain, plus } from "../../address/range";
import { monday } from "../../format/format";
import { Chart, type Series } from "../../parts/Chart";
import { Panel } from "../../parts/Panel";
import { useFigures, useFormats, useSay } from "../../parts/use";
import type { Sales } from "../../state/shapes";

/** Sales by period, with the comparison as a second line. */
export function SalesOverTime({ path, days }: { readonly path: string; readonly days: Days }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Sales>(path);
  const length = grain(days);
  const { data } = figures;
  const trend = data?.salesTrend ?? [];
  // The chart is drawn anew where these are other ones.
  const [labels, series] = useMemo(() => {
    const labels = trend.map((it) => formats.period(it._id, length));
    const series: Series[] = [{ name: say("panel.now"), values: trend.map((it) => it.dailyRevenue) }];
    const before = data?.comparison?.salesTrend;
    if (before !== undefined) {
      const values = trend.map((_, at) => before[at]?.dailyRevenue ?? null);
      series.push({ name: say("panel.before"), values, quiet: true });
    }
    return [labels, series];
  }, [data, formats, say, length]);
  const alt = say("panel.chart", {
    name: say("panel.salesOverTime"),
    total: formats.money(figures.data?.totalRevenue ?? 0),
    first: labels[0] ?? "",
    last: labels.at(-1) ?? "",
  });
  const select = (first: number, last: number) => {
    const [from, to] = [trend[first]?._id, trend[last]?._id];
    if (from !== undefined && to !== undefined) go({ range: "custom", from: start(from), to: end(to) });
  };
  const open = (at: number) => {
    const id = trend[at]?._id;
    if (id === undefined) return;
    if (length === "day") go({ explain: "netSales", part: undefined, day: id });
    else if (length !== "hour") select(at, at);
  };
  return (
    <Panel
      title={say("panel.salesOverTime")}
      figures={figures}
      view="/api/metrics/sales"
      isEmpty={trend.every((it) => it.dailyOrders === 0 && it.dailyRevenue === 0)}
      size="wide"
      rows={10}
      tools={
        <p class="legend">
          {(series.length > 1 ? series : []).map((it) => (
            <span key={it.name} class={it.quiet === true ? "quiet dashed" : "line"}>
              {it.name}
            </span>
          ))}
        </p>
      }
    >
      {() => (
        <Chart
          labels={labels}
          series={series}
          shown={formats.money}
          axis={formats.shortMoney}
          alt={alt}
          height={288}
          {...(length === "hour" ? {} : { onSelect: select, onPick: open })}
        />
      )}
    </Panel>
  );
}

/** The first day of a period: a day, a week or a month. */
function start(id: string): string {
  if (id.includes("W")) return monday(id);
  return id.length === 7 ? `${id}-01` : id;
}

/** The last day of a period. */
function end(id: string): string {
  if (id.includes("W")) return plus(monday(id), 6);
  if (id.length !== 7) return id;
  const [year = 0, month = 0] = id.split("-").map(Number);
  return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}
