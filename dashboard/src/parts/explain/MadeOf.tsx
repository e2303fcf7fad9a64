import type { ComponentChildren } from "preact";
import { type Address, type Explained, type Made, type Part, UNEXPLAINED } from "../../address/address";
import { address, link } from "../../address/navigation";
import { type View, explained, path, range, taken, untaken } from "../../address/views";
import { useAsked } from "../../state/asked";
import type { Feedback, Funnel, Sales, Sessions } from "../../state/shapes";
import { useStore } from "../../state/store";
import { Opens } from "../Figure";
import { Failed, Skeleton } from "../Panel";
import { type Shows, useShows } from "../use";

interface Piece {
  readonly name: string;
  readonly shown: string;
  /** What opens it further: a figure that is explained, or a page. */
  readonly opens?: Explained;
  readonly part?: Part;
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
  const { view, of } = WHOLES[figure];
  const asked = useAsked<Answer>(path(view, { ...range(at, explained(at)), ...taken(at.filters, view) }));
  const { data, problem, again } = asked;
  if (data === undefined) return problem === undefined ? <Skeleton rows={4} /> : <Failed problem={problem} onAgain={again} />;
  const { shown, pieces } = of(data, at, shows);
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

function opened({ name, shown, opens, part, href }: Piece): ComponentChildren {
  if (opens !== undefined) {
    return (
      <Opens figure={opens} part={part} name={name}>
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

type Answer = Sales & Funnel & Sessions & Feedback;

interface Source {
  readonly view: View;
  readonly of: (answer: Answer, at: Address, shows: Shows) => Whole;
}

const WHOLES: Readonly<Record<Made, Source>> = {
  averageOrder: {
    view: "/api/metrics/sales",
    of: ({ totalRevenue, totalOrders, averageOrderValue }, _at, { say, formats }) => ({
      shown: formats.money(averageOrderValue),
      pieces: [
        { name: say("figure.netSales"), shown: formats.money(totalRevenue), opens: "netSales" },
        { name: say("made.dividedBy"), shown: formats.number(totalOrders), opens: "totalOrders" },
      ],
    }),
  },
  customers: {
    view: "/api/metrics/sales",
    of: ({ uniqueCustomers, totalOrders }, { filters }, { say, formats }) => {
      const shown = uniqueCustomers === null ? "–" : formats.number(uniqueCustomers);
      const each: Piece = { name: say("figure.buyers"), shown, opens: "buyers" };
      const orders: Piece = { name: say("made.theirOrders"), shown: formats.number(totalOrders), opens: "totalOrders" };
      const href = link({ page: "customers", id: undefined, sort: "orders", ...UNEXPLAINED });
      const list: Piece = { name: say("made.each"), shown: say("page.customers"), href };
      // The list shows those of this figure where it takes all of its filters.
      return { shown, pieces: untaken(filters, "/api/customers").length === 0 ? [each, orders, list] : [each, orders] };
    },
  },
  conversion: {
    view: "/api/metrics/funnel",
    of: ({ stages, conversion }, _at, { say, formats }) => ({
      shown: formats.percent(conversion),
      pieces: [
        ...stages.map(({ stage, users }): Piece => ({ name: say(`funnel.${stage}`), shown: formats.number(users), opens: stage })),
        { name: say("made.visits"), shown: say("page.behaviour"), href: link({ page: "behaviour", id: undefined, ...UNEXPLAINED }) },
      ],
    }),
  },
  bounceRate: {
    view: "/api/metrics/sessions",
    of: ({ sessions, bounces, bounceRate }, _at, { say, formats }) => ({
      shown: formats.percent(bounceRate),
      pieces: [
        { name: say("figure.bounces"), shown: formats.number(bounces), opens: "bounces" },
        { name: say("made.dividedBySessions"), shown: formats.number(sessions), opens: "sessions" },
      ],
    }),
  },
  perSession: {
    view: "/api/metrics/sessions",
    of: ({ sessions, activities, activitiesPerSession }, _at, { say, formats }) => ({
      shown: activitiesPerSession === null ? "–" : formats.number(activitiesPerSession),
      pieces: [
        { name: say("made.inSessions"), shown: activities === null ? "–" : formats.number(activities) },
        { name: say("made.dividedBySessions"), shown: formats.number(sessions), opens: "sessions" },
      ],
    }),
  },
  averageRating: {
    view: "/api/metrics/feedback",
    of: ({ averageRating, totalRatings, distribution }, _at, { say, formats }) => ({
      shown: formats.number(averageRating),
      pieces: [
        ...[...(distribution ?? [])].reverse().map(({ rating, count }): Piece => {
          const part = { name: "rating", value: String(rating) } as const;
          return { name: say("rating.stars", { n: formats.number(rating) }), shown: formats.number(count), opens: "ratings", part };
        }),
        { name: say("made.allRatings"), shown: formats.number(totalRatings), opens: "ratings" },
      ],
    }),
  },
};
