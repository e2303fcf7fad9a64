import { link } from "../../address/navigation";
import { Generated } from "../../parts/Bars";
import { isGenerated, useFormats, useSay } from "../../parts/use";
import type { OrderRow } from "../../state/shapes";

/** A few orders. */
export function OrderTable({ orders }: { readonly orders: readonly OrderRow[] }) {
  const say = useSay();
  const formats = useFormats();
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={say("page.orders")}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">{say("list.id")}</th>
            <th scope="col">{say("list.date")}</th>
            <th scope="col">{say("list.status")}</th>
            <th scope="col" class="n">
              {say("list.netSales")}
            </th>
          </tr>
        </thead>
        <tbody>
          {orders.map((it) => (
            <tr key={it.orderId}>
              <td>
                <a href={link({ page: "orders", id: it.orderId })} data-go="">
                  {it.orderId}
                </a>
                {isGenerated(it.orderId) && <Generated />}
              </td>
              <td>{formats.instant(it.orderDate)}</td>
              <td>
                <span class={`status ${it.status}`}>{say(`status.${it.status}`)}</span>
              </td>
              <td class="n">{formats.money(it.netSales)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
