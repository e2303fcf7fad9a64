import { useMemo } from "preact/hooks";
import { type Address, daysOf, filtered } from "../../address/address";
import { address, go, link } from "../../address/navigation";
import { compared, earlier, path, range, series } from "../../address/views";
import { type Bar, Bars } from "../../parts/Bars";
import { Panel } from "../../parts/Panel";
import { isGenerated, useFigures, useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { ByValue, Feedback, Funnel, Revenue, TopCustomers, TopProducts } from "../../state/shapes";
import { useStore } from "../../state/store";
import { Arranged } from "./Arranged";
import { Cards } from "./Cards";
import { Feed } from "./Feed";
import { FunnelSteps } from "./FunnelSteps";
import { HeatMap } from "./HeatMap";
import { SalesOverTime } from "./SalesOverTime";

/** The views of the page. */
export function views(at: Address) {
  const { productId, userId, ...values } = at.filters;
  const filters = productId !== undefined ? { productId } : userId !== undefined ? { userId } : values;
  const before = earlier(at);
  const [ranged, inSeries] = [range(at), series(at)];
  return {
    sales: path("/api/metrics/sales", { ...inSeries, ...compared(at), ...filters }),
    revenue: path("/api/metrics/revenue", { ...inSeries, ...filters }),
    periods: path("/api/metrics/transactions", { ...inSeries, ...filters, limit: 100 }),
    products: path("/api/metrics/products", { ...ranged, sort: "netSales", limit: 8 }),
    customers: path("/api/metrics/customers", { ...ranged, sort: "netSales", limit: 8 }),
    funnel: path("/api/metrics/funnel", inSeries),
    funnelBefore: before === undefined ? undefined : path("/api/metrics/funnel", range(at, before)),
    retention: path("/api/metrics/retention", { period: "month", tz: at.zone }),
    feedback: path("/api/metrics/feedback", {
      ...ranged,
      ...(productId === undefined ? {} : { productId }),
      limit: 1,
    }),
    orders: path("/api/orders", { tz: at.zone, ...filters, limit: 12 }),
  };
}

export type Views = ReturnType<typeof views>;

export function Overview() {
  const say = useSay();
  const at = useStore(address, (it) => it);
  const paths = useMemo(() => views(at), [at.range, at.from, at.to, at.zone, at.compare, at.filters]);
  useViews(Object.values(paths));
  const revenue = useFigures<Revenue>(paths.revenue);
  const isFiltered = Object.keys(at.filters).length > 0;
  return (
    <>
      <Cards paths={paths} />
      <Arranged
        panels={{
          sales: () => <SalesOverTime path={paths.sales} days={daysOf(at)} />,
          feed: () => <Feed path={paths.orders} />,
          category: () => (
            <ByValues name="category" title={say("panel.byCategory")} figures={revenue} of={(it) => it.byCategory} />
          ),
          country: () => (
            <ByValues name="country" title={say("panel.byCountry")} figures={revenue} of={(it) => it.byCountry} />
          ),
          payment: () => (
            <ByValues name="paymentMethod" title={say("panel.byPayment")} figures={revenue} of={(it) => it.byPaymentMethod} />
          ),
          products: () => <TopProductsPanel path={paths.products} isFiltered={isFiltered} />,
          customers: () => <TopCustomersPanel path={paths.customers} isFiltered={isFiltered} />,
          retention: () => <HeatMap path={paths.retention} isFiltered={isFiltered} />,
          funnel: () => <FunnelPanel path={paths.funnel} isFiltered={isFiltered} />,
          ratings: () => (
            <RatingsPanel path={paths.feedback} isFiltered={isFiltered && at.filters.productId === undefined} />
          ),
        }}
      />
    </>
  );
}

interface ByValuesProps {
  readonly name: "category" | "country" | "paymentMethod";
  readonly title: string;
  readonly figures: ReturnType<typeof useFigures<Revenue>>;
  readonly of: (revenue: Revenue) => readonly ByValue[];
}

/** Rows of a ranking on the overview. */
const ROWS = 8;
/** How the API names what has no value; it is no value to filter by. */
const NO_VALUE = "(none)";

/** `credit_card` as people write it. */
function plain(word: string): string {
  const words = word.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function ByValues({ name, title, figures, of }: ByValuesProps) {
  const say = useSay();
  const formats = useFormats();
  const filters = useStore(address, (it) => it.filters);
  const all = figures.data === undefined ? [] : of(figures.data);
  const bars = all.slice(0, ROWS).map(
    (it): Bar => ({
      id: it._id,
      name: it._id === NO_VALUE ? say("panel.none") : name === "paymentMethod" ? plain(it._id) : it._id,
      value: it.revenue,
      shown: formats.money(it.revenue),
      second: formats.number(it.transactions),
    }),
  );
  const pick = ({ id }: Bar) => id !== NO_VALUE && go({ filters: filtered(filters, name, id) });
  return (
    <Panel title={title} figures={figures} isEmpty={all.length === 0}>
      {() => <Bars bars={bars} onPick={pick} picked={filters[name]} />}
    </Panel>
  );
}

interface RankProps {
  readonly path: string;
  readonly isFiltered: boolean;
}

function ShowAll({ page }: { readonly page: "products" | "customers" }) {
  const say = useSay();
  return (
    <a class="more" href={link({ page })} data-go="">
      {say("panel.showAll")}
    </a>
  );
}

function TopProductsPanel({ path, isFiltered }: RankProps) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<TopProducts>(path);
  const sold = figures.data?.topSellingProducts ?? [];
  const bars = sold.map(
    (it): Bar => ({
      id: it.productId,
      name: it.name ?? it.productId,
      value: it.netSales,
      shown: formats.money(it.netSales),
      second: formats.number(it.totalQuantitySold),
      generated: isGenerated(it.productId),
    }),
  );
  return (
    <Panel
      title={say("panel.topProducts")}
      figures={figures}
      isEmpty={sold.length === 0}
      size="half"
      unfiltered={isFiltered}
      tools={<ShowAll page="products" />}
    >
      {() => <Bars bars={bars} href={({ id }) => link({ page: "products", id })} />}
    </Panel>
  );
}

function TopCustomersPanel({ path, isFiltered }: RankProps) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<TopCustomers>(path);
  const customers = figures.data?.topSpendingCustomers ?? [];
  const bars = customers.map(
    (it): Bar => ({
      id: it.userId,
      name: it.username ?? it.userId,
      value: it.totalSpend,
      shown: formats.money(it.totalSpend),
      second: formats.number(it.orderCount),
      generated: isGenerated(it.userId),
    }),
  );
  return (
    <Panel
      title={say("panel.topCustomers")}
      figures={figures}
      isEmpty={customers.length === 0}
      size="half"
      unfiltered={isFiltered}
      tools={<ShowAll page="customers" />}
    >
      {() => <Bars bars={bars} href={({ id }) => link({ page: "customers", id })} />}
    </Panel>
  );
}

function FunnelPanel({ path, isFiltered }: RankProps) {
  const say = useSay();
  const figures = useFigures<Funnel>(path);
  const isEmpty = (figures.data?.stages[0]?.users ?? 0) === 0;
  return (
    <Panel title={say("panel.funnel")} figures={figures} isEmpty={isEmpty} fill="activity" unfiltered={isFiltered}>
      {() => <FunnelSteps stages={figures.data?.stages ?? []} />}
    </Panel>
  );
}

function RatingsPanel({ path, isFiltered }: RankProps) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Feedback>(path);
  const { totalRatings = 0, averageRating = 0, distribution = [] } = figures.data ?? {};
  const bars = [...distribution].reverse().map(
    ({ rating, count }): Bar => ({
      id: String(rating),
      name: say("rating.stars", { n: formats.number(rating) }),
      value: count,
      shown: formats.number(count),
    }),
  );
  return (
    <Panel
      title={say("panel.ratings")}
      figures={figures}
      isEmpty={totalRatings === 0}
      fill="feedback"
      unfiltered={isFiltered}
    >
      {() => (
        <>
          <p class="big">
            {formats.number(averageRating)}{" "}
            <span class="quiet">{say("rating.count", { n: formats.number(totalRatings) })}</span>
          </p>
          <Bars bars={bars} />
        </>
      )}
    </Panel>
  );
}
