import { address } from "../../address/navigation";
import { range, taken } from "../../address/views";
import { List } from "../../parts/List";
import { Facts, OneHead, OneLink } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
import { useFigures, useShows } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Orders as Answer, OrderRow, Status } from "../../state/shapes";
import { useStore } from "../../state/store";
import { orderColumns } from "./OrderTable";

/** The orders of the range, the newest first; or one of them. */
export function Orders() {
  const id = useStore(address, (it) => it.id);
  return id === undefined ? <All /> : <One id={id} />;
}

function Customer({ id }: { readonly id: string | null }) {
  return id === null ? <>–</> : <OneLink page="customers" id={id} />;
}

function All() {
  const shows = useShows();
  const { say } = shows;
  const at = useStore(address, (it) => it);
  const [id, date, ...others] = orderColumns(shows);
  const customer = { title: say("list.customer"), isMinor: true, cell: (it: OrderRow) => <Customer id={it.userId} /> };
  return (
    <List<Answer, OrderRow>
      title={say("page.orders")}
      at="/api/orders"
      parameters={{ ...range(at), ...taken(at.filters, "/api/orders") }}
      searchesAll
      sorts={["newest"]}
      hint={say("list.searchOrders")}
      columns={[id, ...(date === undefined ? [] : [date]), customer, ...others]}
      rows={(it) => it.orders}
      id={(it) => it.orderId}
    />
  );
}

interface Order {
  readonly orderId: string;
  readonly userId: string | null;
  readonly orderDate: string;
  readonly status: Status;
  readonly paymentMethod: string | null;
  readonly country: string | null;
  readonly lines: readonly {
    readonly lineId: string;
    readonly productId: string | null;
    readonly quantity: number;
    readonly net: number;
  }[];
  readonly refunds: readonly unknown[];
  readonly grossSales: number;
  readonly discounts: number;
  readonly returns: number;
  readonly netSales: number;
  readonly history: readonly { readonly position: number; readonly at: string; readonly changed: readonly string[] }[];
}

function One({ id }: { readonly id: string }) {
  const { say, formats } = useShows();
  const view = `/api/orders/${encodeURIComponent(id)}`;
  useViews([view]);
  const figures = useFigures<Order>(view);
  const it = figures.data;
  return (
    <>
      <OneHead page="orders" id={id} />
      <div class="grid">
        <Panel title={say("explain.order")} figures={figures}>
          {() =>
            it !== undefined && (
              <Facts
                facts={[
                  [say("list.date"), formats.instant(it.orderDate)],
                  [say("list.status"), say(`status.${it.status}`)],
                  [say("list.customer"), <Customer id={it.userId} />],
                  [say("list.country"), it.country],
                  [say("list.payment"), it.paymentMethod],
                  [say("figure.grossSales"), formats.money(it.grossSales)],
                  [say("figure.discounts"), formats.money(it.discounts)],
                  [say("figure.returns"), formats.money(it.returns)],
                  [say("figure.netSales"), formats.money(it.netSales)],
                ]}
              />
            )
          }
        </Panel>
        <Panel title={say("list.lines")} figures={figures} size="wide">
          {() => (
            <Table
              name={say("list.lines")}
              rows={it?.lines ?? []}
              id={(line) => line.lineId}
              columns={[
                {
                  title: say("list.product"),
                  cell: ({ productId }) => (productId === null ? "–" : <OneLink page="products" id={productId} />),
                },
                { title: say("list.quantity"), isNumber: true, cell: (line) => formats.number(line.quantity) },
                { title: say("list.netSales"), isNumber: true, cell: (line) => formats.money(line.net) },
              ]}
            />
          )}
        </Panel>
        <Panel title={say("list.history")} figures={figures} size="full">
          {() => (
            <Table
              name={say("list.history")}
              rows={it?.history ?? []}
              id={(change) => change.position}
              columns={[
                { title: say("list.position"), cell: (change) => formats.number(change.position) },
                { title: say("explain.when"), cell: (change) => formats.instant(change.at) },
                { title: say("list.change"), isCode: true, cell: (change) => change.changed.join(", ") },
              ]}
            />
          )}
        </Panel>
      </div>
    </>
  );
}
