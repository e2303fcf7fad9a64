import { OneLink } from "../../parts/One";
import { type Column, Table } from "../../parts/Table";
import { type Shows, useShows } from "../../parts/use";
import type { OrderRow } from "../../state/shapes";

/** What is said of an order in a row. */
export function orderColumns({ say, formats }: Shows): readonly [id: Column<OrderRow>, ...others: Column<OrderRow>[]] {
  return [
    { title: say("list.id"), cell: (it) => <OneLink page="orders" id={it.orderId} /> },
    { title: say("list.date"), cell: (it) => formats.instant(it.orderDate) },
    { title: say("list.status"), cell: (it) => <span class={`status ${it.status}`}>{say(`status.${it.status}`)}</span> },
    { title: say("list.netSales"), isNumber: true, cell: (it) => formats.money(it.netSales) },
  ];
}

/** A few orders. */
export function OrderTable({ orders }: { readonly orders: readonly OrderRow[] }) {
  const shows = useShows();
  return <Table name={shows.say("page.orders")} columns={orderColumns(shows)} rows={orders} id={(it) => it.orderId} />;
}
