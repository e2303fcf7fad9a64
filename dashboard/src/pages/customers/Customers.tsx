import { filtered } from "../../address/address";
import { address, go, link } from "../../address/navigation";
import { path, range, series } from "../../address/views";
import { Generated } from "../../parts/Bars";
import { type Column, List, SORTS } from "../../parts/List";
import { Facts, OneHead, SeriesPanel } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { isGenerated, useFigures, useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Customers as Answer, OrderRow, Series, Sold } from "../../state/shapes";
import { useStore } from "../../state/store";
import { OrderTable } from "../orders/OrderTable";

type Row = Answer["customers"][number];

/** The customers with what they bought in the range; or one of them. */
export function Customers() {
  const id = useStore(address, (it) => it.id);
  return id === undefined ? <All /> : <One id={id} />;
}

function All() {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const country = at.filters.country;
  const columns: Column<Row>[] = [
    {
      title: say("list.customer"),
      cell: ({ userId, username, isGuest }) => (
        <>
          <a href={link({ page: "customers", id: userId })} data-go="">
            {username ?? userId}
          </a>
          {isGuest && <span class="tag">{say("list.guest")}</span>}
          {isGenerated(userId) && <Generated />}
        </>
      ),
    },
    { title: say("list.country"), isMinor: true, cell: (it) => it.country ?? "–" },
    { title: say("list.orders"), isNumber: true, cell: (it) => formats.number(it.sold.orders) },
    { title: say("list.units"), isNumber: true, isMinor: true, cell: (it) => formats.number(it.sold.units) },
    { title: say("list.returned"), isNumber: true, isMinor: true, cell: (it) => formats.money(it.sold.returnedAmount) },
    { title: say("list.netSales"), isNumber: true, cell: (it) => formats.money(it.sold.netSales) },
  ];
  return (
    <List<Answer, Row>
      title={say("page.customers")}
      at="/api/customers"
      parameters={{ ...range(at), ...(country === undefined ? {} : { country }) }}
      sorts={SORTS}
      hint={say("list.searchProducts")}
      columns={columns}
      rows={(it) => it.customers}
      id={(it) => it.userId}
    />
  );
}

interface Customer extends Series {
  readonly userId: string;
  readonly profile: { readonly username: string | null; readonly email: string | null; readonly country: string | null };
  readonly firstPurchase: string | null;
  readonly lastPurchase: string | null;
  readonly sold: Sold;
  readonly orders: readonly OrderRow[];
}

function One({ id }: { readonly id: string }) {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const view = path(`/api/customers/${encodeURIComponent(id)}`, series(at));
  useViews([view]);
  const figures = useFigures<Customer>(view);
  const it = figures.data;
  const instant = (value: string | null) => (value === null ? null : formats.day(value.slice(0, 10)));
  return (
    <>
      <OneHead page="customers" id={id} name={it?.profile.username ?? id} />
      <div class="grid">
        <Panel
          title={say("list.customer")}
          figures={figures}
          tools={
            <button
              type="button"
              class="link"
              onClick={() => go({ page: "overview", id: undefined, filters: filtered(at.filters, "userId", id) })}
            >
              {say("list.onOverview")}
            </button>
          }
        >
          {() =>
            it !== undefined && (
              <Facts
                facts={[
                  [say("list.id"), it.userId],
                  [say("in.email"), it.profile.email],
                  [say("list.country"), it.profile.country],
                  [say("list.firstPurchase"), instant(it.firstPurchase)],
                  [say("list.lastPurchase"), instant(it.lastPurchase)],
                  [say("list.netSales"), formats.money(it.sold.netSales)],
                  [say("list.orders"), formats.number(it.sold.orders)],
                  [say("list.units"), formats.number(it.sold.units)],
                  [say("list.returned"), formats.money(it.sold.returnedAmount)],
                ]}
              />
            )
          }
        </Panel>
        <SeriesPanel figures={figures} />
        <Panel title={say("panel.feed")} figures={figures} isEmpty={it?.orders.length === 0} size="full">
          {() => <OrderTable orders={it?.orders ?? []} />}
        </Panel>
      </div>
    </>
  );
}
