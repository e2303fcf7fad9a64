import type { ComponentChildren } from "preact";
import type { Page } from "../address/address";
import { daysOf } from "../address/address";
import { address, link } from "../address/navigation";
import { grain } from "../address/range";
import type { View } from "../address/views";
import type { Figures } from "../state/figures";
import type { Series } from "../state/shapes";
import { useStore } from "../state/store";
import { Generated } from "./Bars";
import { Chart } from "./Chart";
import { Panel } from "./Panel";
import { isGenerated, useFormats, useSay } from "./use";

interface LinkProps {
  readonly page: Page;
  readonly id: string;
  readonly name?: string | null;
}

/** A link to the page about one; marked where the demo made it up. */
export function OneLink({ page, id, name }: LinkProps) {
  return (
    <>
      <a href={link({ page, id })} data-go="">
        {name ?? id}
      </a>
      {isGenerated(id) && <Generated />}
    </>
  );
}

/** The head of a page about one. */
export function OneHead({ page, id, name }: LinkProps) {
  const say = useSay();
  return (
    <div class="head">
      <a href={link({ page, id: undefined })} data-go="">
        {say("list.back")}
      </a>
      <h2 class="big">
        {name ?? id} {isGenerated(id) && <Generated />}
      </h2>
    </div>
  );
}

export type Fact = readonly [name: string, value: ComponentChildren];

export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The net sales of one, by period. */
export function SeriesPanel({ figures, view }: { readonly figures: Figures<Series>; readonly view: View }) {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const length = grain(daysOf(at));
  const trend = figures.data?.trend ?? [];
  const labels = trend.map((it) => formats.period(it._id, length));
  const values = trend.map((it) => it.netSales);
  const alt = say("panel.chart", {
    name: say("panel.salesOverTime"),
    total: formats.money(values.reduce((sum, it) => sum + it, 0)),
    first: labels[0] ?? "",
    last: labels.at(-1) ?? "",
  });
  return (
    <Panel
      title={say("panel.salesOverTime")}
      figures={figures}
      view={view}
      isEmpty={trend.every((it) => it.orders === 0 && it.netSales === 0)}
      size="wide"
    >
      {() => (
        <Chart
          labels={labels}
          series={[{ name: say("figure.netSales"), values }]}
          shown={formats.money}
          axis={formats.shortMoney}
          alt={alt}
        />
      )}
    </Panel>
  );
}
