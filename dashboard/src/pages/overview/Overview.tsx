import { useMemo } from "preact/hooks";
import { type Address, daysOf } from "../../address/address";
import { address } from "../../address/navigation";
import { type View, compared, earlier, naming, path, range, series, taken } from "../../address/views";
import { useFigures, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Revenue } from "../../state/shapes";
import { useStore } from "../../state/store";
import { Arranged } from "./Arranged";
import { Cards } from "./Cards";
import { Feed } from "./Feed";
import { FunnelPanel, Ratings } from "./Visits";
import { HeatMap } from "./HeatMap";
import { ByValues, TopCustomers, TopProducts } from "./Rankings";
import { SalesOverTime } from "./SalesOverTime";

/** The views of the page. */
export function views(at: Address) {
  const filters = (view: View) => taken(at.filters, view);
  const before = earlier(at);
  const [ranged, inSeries] = [range(at), series(at)];
  return {
    sales: path("/api/metrics/sales", { ...inSeries, ...compared(at), ...filters("/api/metrics/sales") }),
    revenue: path("/api/metrics/revenue", { ...inSeries, ...filters("/api/metrics/revenue") }),
    periods: path("/api/metrics/transactions", { ...inSeries, ...filters("/api/metrics/transactions"), limit: 100 }),
    products: path("/api/metrics/products", { ...ranged, sort: "netSales", limit: 8 }),
    customers: path("/api/metrics/customers", { ...ranged, sort: "netSales", limit: 8 }),
    funnel: path("/api/metrics/funnel", { ...inSeries, ...filters("/api/metrics/funnel") }),
    funnelBefore: before === undefined ? undefined : path("/api/metrics/funnel", { ...range(at, before), ...filters("/api/metrics/funnel") }),
    retention: path("/api/metrics/retention", { period: "month", tz: at.zone }),
    feedback: path("/api/metrics/feedback", { ...ranged, ...filters("/api/metrics/feedback"), limit: 1 }),
    orders: path("/api/orders", { tz: at.zone, ...filters("/api/orders"), limit: 12 }),
    name: naming(at.filters),
  };
}

export type Views = ReturnType<typeof views>;

export function Overview() {
  const say = useSay();
  const at = useStore(address, (it) => it);
  const paths = useMemo(() => views(at), [at.range, at.from, at.to, at.zone, at.compare, at.filters]);
  useViews(Object.values(paths));
  const revenue = useFigures<Revenue>(paths.revenue);
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
          products: () => <TopProducts path={paths.products} />,
          customers: () => <TopCustomers path={paths.customers} />,
          retention: () => <HeatMap path={paths.retention} />,
          funnel: () => <FunnelPanel path={paths.funnel} />,
          ratings: () => <Ratings path={paths.feedback} />,
        }}
      />
    </>
  );
}
