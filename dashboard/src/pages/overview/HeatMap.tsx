import { Opens } from "../../parts/Figure";
import { Panel } from "../../parts/Panel";
import { useFigures, useFormats, useSay } from "../../parts/use";
import type { Retention } from "../../state/shapes";

/** The customers of each month, and the part of them that bought again in each month since. */
export function HeatMap({ path }: { readonly path: string }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Retention>(path);
  const cohorts = (figures.data?.cohorts ?? []).filter((it) => it.customers > 0);
  const length = Math.max(0, ...cohorts.map((it) => it.rates.length));
  const later = cohorts.flatMap((it) => it.rates.slice(1));
  const most = Math.max(...later, 0) || 1;
  return (
    <Panel
      title={say("panel.retention")}
      about={say("panel.retentionAbout")}
      figures={figures}
      isEmpty={cohorts.length === 0}
      view="/api/metrics/retention"
      size="wide"
      rows={12}
    >
      {() => (
        <div class="scroll" tabIndex={0} role="group" aria-label={say("panel.retention")}>
          <table class="heat">
            <thead>
              <tr>
                <th scope="col">{say("cohort.month")}</th>
                <th scope="col">{say("cohort.customers")}</th>
                {Array.from({ length: Math.max(0, length - 1) }, (_, at) => (
                  <th key={at} scope="col" aria-label={say("cohort.after", { n: formats.number(at + 1) })}>
                    +{formats.number(at + 1)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {cohorts.map((it) => (
                <tr key={it._id}>
                  <th scope="row">{formats.period(it._id, "month")}</th>
                  <td>
                    <Opens figure="cohort" part={{ name: "cohort", value: it._id }} name={`${say("cohort.customers")}, ${formats.period(it._id, "month")}`}>
                      {formats.number(it.customers)}
                    </Opens>
                  </td>
                  {it.rates.slice(1).map((rate, at) => (
                    <td key={at} class="cell" title={`${formats.number(it.retained[at + 1] ?? 0)} / ${formats.number(it.customers)}`}>
                      <span class="shade" style={{ opacity: `${(rate / most) * 0.45}` }} />
                      <Opens
                        figure="cohort"
                        part={{ name: "cohort", value: `${it._id}+${at + 1}` }}
                        name={`${formats.period(it._id, "month")}, ${say("cohort.after", { n: formats.number(at + 1) })}`}
                      >
                        {formats.percent(Math.round(rate * 100) / 100)}
                      </Opens>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
