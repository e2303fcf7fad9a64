import { address } from "../../address/navigation";
import { OneLink } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { AllSold, CUSTOMERS, OneSold } from "../../parts/Sold";
import type { Column } from "../../parts/Table";
import { useShows } from "../../parts/use";
import type { Customers as Answer, OrderRow, Series, Sold } from "../../state/shapes";
import { useStore } from "../../state/store";
import { OrderTable } from "../orders/OrderTable";

type Row = Answer["customers"][number];

interface Customer extends Series {
  readonly profile: { readonly username: string | null; readonly email: string | null; readonly country: string | null };
  readonly firstPurchase: string | null;
  readonly lastPurchase: string | null;
  readonly sold: Sold;
  readonly orders: readonly OrderRow[];
}

/** The customers with what they bought in the range; or one of them. */
export function Customers() {
  const { say, formats } = useShows();
  const id = useStore(address, (it) => it.id);
  const day = (value: string | null) => (value === null ? null : formats.day(value.slice(0, 10)));
  if (id !== undefined) {
    return (
      <OneSold<Customer>
        kind={CUSTOMERS}
        id={id}
        title={say("list.customer")}
        name={(it) => it.profile.username}
        facts={(it) => [
          [say("in.email"), it.profile.email],
          [say("list.country"), it.profile.country],
          [say("list.firstPurchase"), day(it.firstPurchase)],
          [say("list.lastPurchase"), day(it.lastPurchase)],
        ]}
        more={(it) => (
          <Panel title={say("panel.feed")} figures={{ data: it, problem: undefined }} isEmpty={it.orders.length === 0} size="full">
            {() => <OrderTable orders={it.orders} />}
          </Panel>
        )}
      />
    );
  }
  const columns: Column<Row>[] = [
    {
      title: say("list.customer"),
      cell: ({ userId, username, isGuest }) => (
        <>
          <OneLink page="customers" id={userId} name={username} />
          {isGuest && <span class="tag">{say("list.guest")}</span>}
        </>
      ),
    },
    { title: say("list.country"), isMinor: true, cell: (it) => it.country ?? "–" },
  ];
  return <AllSold<Answer, Row> kind={CUSTOMERS} columns={columns} rows={(it) => it.customers} id={(it) => it.userId} />;
}
