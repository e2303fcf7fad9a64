import { address, link } from "../../address/navigation";
import { range } from "../../address/views";
import { Generated } from "../../parts/Bars";
import { type Column, List } from "../../parts/List";
import { Facts, OneHead } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { isGenerated, useFigures, useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Orders as Answer, OrderRow, Status } from "../../state/shapes";
import { useStore } from "../../state/store";

/** The orders of the range, the newest first; or one of them. */
export function Orders() {
  const id = useStore(address, (it) => it.id);
  return id === undefined ? <All /> : <One id={id} />;
}

function Customer({ id }: { readonly id: string | null }) {
  if (id === null) return <>–</>;
  return (
    <a href={link({ page: "customers", id })} data-go="">
      {id}
    </a>
  );
}

function All() {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const columns: Column<OrderRow>[] = [
    {
      title: say("list.id"),
      cell: ({ orderId }) => (
        <>
          <a href={link({ page: "orders", id: orderId })} data-go="">
            {orderId}
          </a>
          {isGenerated(orderId) && <Generated />}
        </>
      ),
    },
    { title: say("list.date"), cell: (it) => formats.instant(it.orderDate) },
    { title: say("list.customer"), isMinor: true, cell: (it) => <Customer id={it.userId} /> },
    {
      title: say("list.status"),
      cell: (it) => <span class={`status ${it.status}`}>{say(`status.${it.status}`)}</span>,
    },
    { title: say("list.netSales"), isNumber: true, cell: (it) => formats.money(it.netSales) },
  ];
  return (
    <List<Answer, OrderRow>
      title={say("page.orders")}
      at="/api/orders"
      parameters={{ ...range(at), ...at.filters }}
      searchesAll
      sorts={["newest"]}
      hint={say("list.searchOrders")}
      columns={columns}
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
  const say = useSay();
  const formats = useFormats();
  const view = `/api/orders/${encodeURIComponent(id)}`;
  useViews([view]);
  const figures = useFigures<Order>(view);
  const it = figures.data;
  return (
    <>
      <OneHead page="orders" id={id} name={id} />
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
            <div class="scroll" tabIndex={0} role="group" aria-label={say("list.lines")}>
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{say("list.product")}</th>
                    <th scope="col" class="n">
                      {say("list.quantity")}
                    </th>
                    <th scope="col" class="n">
                      {say("list.netSales")}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {it?.lines.map((line) => (
                    <tr key={line.lineId}>
                      <td>
                        {line.productId === null ? (
                          "–"
                        ) : (
                          <a href={link({ page: "products", id: line.productId })} data-go="">
                            {line.productId}
                          </a>
                        )}
                      </td>
                      <td class="n">{formats.number(line.quantity)}</td>
                      <td class="n">{formats.money(line.net)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Panel>
        <Panel title={say("list.history")} figures={figures} size="full">
          {() => (
            <div class="scroll" tabIndex={0} role="group" aria-label={say("list.history")}>
              <table class="rows">
                <thead>
                  <tr>
                    <th scope="col">{say("list.position")}</th>
                    <th scope="col">{say("explain.when")}</th>
                    <th scope="col">{say("list.change")}</th>
                  </tr>
                </thead>
                <tbody>
                  {it?.history.map((change) => (
                    <tr key={change.position}>
                      <td>{formats.number(change.position)}</td>
                      <td>{formats.instant(change.at)}</td>
                      <td>{change.changed.join(", ")}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Panel>
      </div>
    </>
  );
}
