import { type Filter, filtered, without } from "../../address/address";
import { address, go, link } from "../../address/navigation";
import { type Bar, Bars } from "../../parts/Bars";
import { Panel } from "../../parts/Panel";
import { NO_VALUE, isGenerated, useFigures, useFormats, useSay } from "../../parts/use";
import type { Figures } from "../../state/figures";
import type { ByValue, Revenue, TopCustomers as Spent, TopProducts as SoldBest } from "../../state/shapes";
import { useStore } from "../../state/store";

/** Rows of a ranking on the overview. */
const ROWS = 8;

/** `credit_card` as people write it. */
function plain(word: string): string {
  const words = word.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** A ranking that filters by what is clicked; a second click takes the filter away. */
function Filtering({ name, bars }: { readonly name: Filter; readonly bars: readonly Bar[] }) {
  const filters = useStore(address, (it) => it.filters);
  const pick = ({ id }: Bar) => go({ filters: filters[name] === id ? without(filters, name) : filtered(filters, name, id) });
  return <Bars bars={bars} onPick={pick} picked={filters[name]} />;
}

interface ByValuesProps {
  readonly name: "category" | "country" | "paymentMethod";
  readonly title: string;
  readonly figures: Figures<Revenue>;
  readonly of: (revenue: Revenue) => readonly ByValue[];
}

/** Sales by category, country or payment method. Those of one product or customer are not kept by these. */
export function ByValues({ name, title, figures, of }: ByValuesProps) {
  const say = useSay();
  const formats = useFormats();
  const isOfOne = useStore(address, ({ filters }) => filters.productId !== undefined || filters.userId !== undefined);
  const all = figures.data === undefined ? [] : of(figures.data);
  const bars = all.slice(0, ROWS).map((it): Bar => {
    const isNone = it._id === NO_VALUE;
    return {
      id: it._id,
      name: isNone ? say("panel.none") : name === "paymentMethod" ? plain(it._id) : it._id,
      value: it.revenue,
      shown: formats.money(it.revenue),
      second: formats.number(it.transactions),
      opens: { figure: "netSales", second: "totalOrders", part: { name, value: it._id } },
    };
  });
  return (
    <Panel title={title} figures={figures} view="/api/metrics/revenue" isEmpty={all.length === 0 && !isOfOne}>
      {() => (isOfOne ? <p class="quiet">{say("panel.notOfOne")}</p> : <Filtering name={name} bars={bars} />)}
    </Panel>
  );
}

interface BestProps {
  readonly page: "products" | "customers";
  readonly title: string;
  readonly figures: Figures<unknown>;
  readonly bars: readonly Bar[];
}

/** The first of a ranking of products or customers, with a way to all of them. */
function Best({ page, title, figures, bars }: BestProps) {
  const say = useSay();
  const all = (
    <a class="more" href={link({ page })} data-go="">
      {say("panel.showAll")}
    </a>
  );
  const view = page === "products" ? "/api/metrics/products" : "/api/metrics/customers";
  return (
    <Panel title={title} figures={figures} view={view} isEmpty={bars.length === 0} size="half" tools={all}>
      {() => <Filtering name={page === "products" ? "productId" : "userId"} bars={bars} />}
    </Panel>
  );
}

export function TopProducts({ path }: { readonly path: string }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<SoldBest>(path);
  const bars = (figures.data?.topSellingProducts ?? []).map(
    (it): Bar => ({
      id: it.productId,
      name: it.name ?? it.productId,
      value: it.netSales,
      shown: formats.money(it.netSales),
      second: formats.number(it.totalQuantitySold),
      generated: isGenerated(it.productId),
      href: link({ page: "products", id: it.productId }),
      opens: { figure: "netSales", second: "units", part: { name: "productId", value: it.productId } },
    }),
  );
  return <Best page="products" title={say("panel.topProducts")} figures={figures} bars={bars} />;
}

export function TopCustomers({ path }: { readonly path: string }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Spent>(path);
  const bars = (figures.data?.topSpendingCustomers ?? []).map(
    (it): Bar => ({
      id: it.userId,
      name: it.username ?? it.userId,
      value: it.totalSpend,
      shown: formats.money(it.totalSpend),
      second: formats.number(it.orderCount),
      generated: isGenerated(it.userId),
      href: link({ page: "customers", id: it.userId }),
      opens: { figure: "netSales", second: "totalOrders", part: { name: "userId", value: it.userId } },
    }),
  );
  return <Best page="customers" title={say("panel.topCustomers")} figures={figures} bars={bars} />;
}
