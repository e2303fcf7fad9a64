import { useMemo } from "preact/hooks";
import { go } from "../../address/navigation";
import { daysOfPeriod } from "../../address/period";
import { type Days, grain } from "../../address/range";
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
    if (from !== undefined && to !== undefined) {
      go({ range: "custom", from: daysOfPeriod(from).from, to: daysOfPeriod(to).to });
    }
  };
  const open = (at: number) => {
    const id = trend[at]?._id;
    if (id === undefined) return;
    // An hour opens its day.
    if (length === "day" || length === "hour") go({ explain: "netSales", part: undefined, day: daysOfPeriod(id).from });
    else select(at, at);
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
          onPick={open}
          {...(length === "hour" ? {} : { onSelect: select })}
        />
      )}
    </Panel>
  );
}
