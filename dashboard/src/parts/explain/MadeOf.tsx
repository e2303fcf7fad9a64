import type { ComponentChildren } from "preact";
import { type Address, type Figure, type Made, UNEXPLAINED } from "../../address/address";
import { address, link } from "../../address/navigation";
import { path, range, taken, untaken } from "../../address/views";
import { useAsked } from "../../state/asked";
import type { Funnel, Sales } from "../../state/shapes";
import { useStore } from "../../state/store";
import { Opens } from "../Figure";
import { Failed, Skeleton } from "../Panel";
import { type Shows, useShows } from "../use";

interface Piece {
  readonly name: string;
  readonly shown: string;
  /** What opens it further: a figure that is explained, or a page. */
  readonly opens?: Figure;
  readonly href?: string;
}

interface Whole {
  readonly shown: string;
  readonly pieces: readonly Piece[];
}

/** A figure that is made of others: how, and these. */
export function MadeOf({ figure }: { readonly figure: Made }) {
  const shows = useShows();
  const { say } = shows;
  const at = useStore(address, (it) => it);
  const view = figure === "conversion" ? "/api/metrics/funnel" : "/api/metrics/sales";
  const asked = useAsked<Sales & Funnel>(path(view, { ...range(at), ...taken(at.filters, view) }));
  const { data, problem, again } = asked;
  if (data === undefined) return problem === undefined ? <Skeleton rows={4} /> : <Failed problem={problem} onAgain={again} />;
  const { shown, pieces } = WHOLES[figure](data, at, shows);
  return (
    <>
      <p class="big" data-explained={shown}>
        {shown}
      </p>
      <p class="quiet">{say(`made.${figure}`)}</p>
      <ul class="pieces">
        {pieces.map((it) => (
          <li key={it.name}>
            <span>{it.name}</span>
            <b>{opened(it)}</b>
          </li>
        ))}
      </ul>
    </>
  );
}

function opened({ name, shown, opens, href }: Piece): ComponentChildren {
  if (opens !== undefined) {
    return (
      <Opens figure={opens} name={name}>
        {shown}
      </Opens>
    );
  }
  return href === undefined ? (
    shown
  ) : (
    <a href={href} data-go="">
      {shown}
    </a>
  );
}

const WHOLES: Readonly<Record<Made, (data: Sales & Funnel, at: Address, shows: Shows) => Whole>> = {
  averageOrder: ({ totalRevenue, totalOrders, averageOrderValue }, _at, { say, formats }) => ({
    shown: formats.money(averageOrderValue),
    pieces: [
      { name: say("figure.netSales"), shown: formats.money(totalRevenue), opens: "netSales" },
      { name: say("made.dividedBy"), shown: formats.number(totalOrders), opens: "totalOrders" },
    ],
  }),
  customers: ({ uniqueCustomers, totalOrders }, { filters }, { say, formats }) => {
    const orders: Piece = { name: say("made.theirOrders"), shown: formats.number(totalOrders), opens: "totalOrders" };
    const list = link({ page: "customers", id: undefined, sort: "orders", ...UNEXPLAINED });
    const each: Piece = { name: say("made.each"), shown: say("page.customers"), href: list };
    return {
      shown: uniqueCustomers === null ? "–" : formats.number(uniqueCustomers),
      // The list shows those of this figure where it takes all of its filters.
      pieces: untaken(filters, "/api/customers").length === 0 ? [orders, each] : [orders],
    };
  },
  conversion: ({ stages, conversion }, _at, { say, formats }) => ({
    shown: formats.percent(conversion),
    pieces: [
      ...stages.map(({ stage, users }) => ({ name: say(`funnel.${stage}`), shown: formats.number(users) })),
      { name: say("made.visits"), shown: say("page.behaviour"), href: link({ page: "behaviour", id: undefined, ...UNEXPLAINED }) },
    ],
  }),
};
