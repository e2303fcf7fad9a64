import type { Explained } from "../../address/address";
import { address } from "../../address/navigation";
import { untaken } from "../../address/views";
import { changed } from "../../format/format";
import { Opens } from "../../parts/Figure";
import { Failed, Skeleton } from "../../parts/Panel";
import { Spark } from "../../parts/Spark";
import { useFigures, useFormats, useSay } from "../../parts/use";
import { board } from "../../state/figures";
import type { Funnel, Periods, Revenue, Sales } from "../../state/shapes";
import { useStore } from "../../state/store";
import type { Views } from "./Overview";

interface Card {
  readonly name: string;
  readonly value: string | undefined;
  /** Why there is no value. */
  readonly missing?: string;
  readonly change: number | undefined;
  readonly before: string | undefined;
  readonly spark: readonly number[];
  /** What is explained where it is clicked. */
  readonly figure: Explained;
  /** More of it is worse. */
  readonly isCost?: boolean;
}

/** The figures that matter first, each with how it changed and how it went. */
export function Cards({ paths }: { readonly paths: Views }) {
  const say = useSay();
  const formats = useFormats();
  const isFiltered = useStore(address, (it) => untaken(it.filters, "/api/metrics/funnel").length > 0);
  const { data: sales, problem } = useFigures<Sales>(paths.sales);
  const { data: revenue } = useFigures<Revenue>(paths.revenue);
  const { data: periods } = useFigures<Periods>(paths.periods);
  const { data: funnel } = useFigures<Funnel>(paths.funnel);
  const { data: funnelBefore } = useFigures<Funnel>(paths.funnelBefore);
  if (sales === undefined) {
    return (
      <div class="cards">
        {Array.from({ length: 6 }, (_, at) => (
          <section key={at} class="panel">
            {problem === undefined ? <Skeleton rows={3} /> : <Failed problem={problem} {...(at === 0 ? { onAgain: () => void board.again() } : {})} />}
          </section>
        ))}
      </div>
    );
  }
  const before = sales.comparison;
  const trend = sales.salesTrend;
  const money = (value: number | undefined) => (value === undefined ? undefined : formats.money(value));
  const number = (value: number | null | undefined) => (value == null ? undefined : formats.number(value));
  const visits = funnel?.stages[0]?.users ?? 0;
  const visitsBefore = funnelBefore?.stages[0]?.users ?? 0;
  const conversion = funnel !== undefined && visits > 0 ? funnel.conversion : undefined;
  const conversionBefore = funnelBefore !== undefined && visitsBefore > 0 ? funnelBefore.conversion : undefined;
  const cards: Card[] = [
    {
      name: say("figure.netSales"),
      value: formats.money(sales.totalRevenue),
      change: changed(sales.totalRevenue, before?.totalRevenue),
      before: money(before?.totalRevenue),
      spark: trend.map((it) => it.dailyRevenue),
      figure: "netSales",
    },
    {
      name: say("figure.totalOrders"),
      value: formats.number(sales.totalOrders),
      change: changed(sales.totalOrders, before?.totalOrders),
      before: number(before?.totalOrders),
      spark: trend.map((it) => it.dailyOrders),
      figure: "totalOrders",
    },
    {
      name: say("figure.averageOrder"),
      value: formats.money(sales.averageOrderValue),
      change: changed(sales.averageOrderValue, before?.averageOrderValue),
      before: money(before?.averageOrderValue),
      figure: "averageOrder",
      spark: trend.map((it) => (it.dailyOrders === 0 ? 0 : it.dailyRevenue / it.dailyOrders)),
    },
    {
      figure: "customers",
      name: say("figure.customers"),
      value: number(sales.uniqueCustomers),
      missing: say("card.notFiltered"),
      change: changed(sales.uniqueCustomers, before?.uniqueCustomers),
      before: number(before?.uniqueCustomers),
      spark: (periods?.metrics ?? []).map((it) => it.uniqueUserCount ?? 0),
    },
    {
      figure: "conversion",
      name: say("figure.conversion"),
      value: isFiltered || conversion === undefined ? undefined : formats.percent(conversion),
      missing: say(isFiltered ? "card.notFiltered" : "card.noVisits"),
      change: isFiltered ? undefined : changed(conversion, conversionBefore),
      before: conversionBefore === undefined ? undefined : formats.percent(conversionBefore),
      spark: isFiltered
        ? []
        : (funnel?.trends ?? []).map((it) => (it.viewed === 0 ? 0 : Math.min(1, it.purchased / it.viewed))),
    },
    {
      name: say("figure.returnedAmount"),
      value: formats.money(sales.returnedAmount),
      change: changed(sales.returnedAmount, before?.returnedAmount),
      before: money(before?.returnedAmount),
      spark: (revenue?.trends ?? []).map((it) => it.returns),
      isCost: true,
      figure: "returnedAmount",
    },
  ];
  return (
    <div class="cards">
      {cards.map((card) => (
        <One key={card.name} card={card} />
      ))}
    </div>
  );
}

function One({ card }: { readonly card: Card }) {
  const say = useSay();
  const formats = useFormats();
  const { name, value, missing, change, before, spark, figure, isCost } = card;
  const isGood = change === undefined || change === 0 ? "" : change > 0 === (isCost !== true) ? "good" : "bad";
  return (
    <section class="panel card">
      <h2>{name}</h2>
      {value === undefined ? (
        <p class="value none" title={missing}>
          –<span class="hidden">{missing}</span>
        </p>
      ) : (
        <Opens class="value" figure={figure} name={name}>
          {value}
        </Opens>
      )}
      <p class="change">
        {change !== undefined && <span class={isGood}>{formats.change(change)}</span>}
        {before !== undefined && value !== undefined && (
          <Opens class="figure quiet" figure={figure} isBefore name={say("card.before", { value: name })}>
            {say("card.before", { value: before })}
          </Opens>
        )}
        {value === undefined && <span class="quiet">{missing}</span>}
      </p>
      {value !== undefined && <Spark values={spark} />}
    </section>
  );
}
