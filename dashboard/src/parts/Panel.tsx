import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { type View, untaken } from "../address/views";
import { FILTERS } from "../address/address";
import { address } from "../address/navigation";
import type { Problem } from "../state/api";
import { board } from "../state/figures";
import { useStore } from "../state/store";
import { sentence } from "../words/problems";
import { Empty } from "./Empty";
import { SlotContext } from "./slot";
import { Detail, Told } from "./Told";
import { useSay } from "./use";

/** What there is to show, or why there is nothing. */
export interface Shown {
  readonly data: unknown;
  readonly problem: Problem | undefined;
  /** Asks for it again; without it, for all that the page shows. */
  readonly again?: () => void;
}

interface Props {
  readonly title: string;
  readonly figures: Shown;
  /** The view that it shows: the filters that it does not take are named. */
  readonly view?: View;
  /** Whether it is of all, whatever the filters: the parts of a figure that its filters do not apply to. */
  readonly isOfAll?: boolean;
  readonly isEmpty?: boolean;
  /** The kind of event that would fill it. */
  readonly fill?: "order" | "activity" | "feedback";
  readonly about?: string;
  readonly tools?: ComponentChildren;
  readonly size?: "third" | "half" | "wide" | "full";
  /** The height of what is not here yet, in rows. */
  readonly rows?: number;
  readonly children: () => ComponentChildren;
}

/** A part of a page with a title: shows its figures, or why there are none. */
export function Panel(props: Props) {
  const { title, figures, view, isOfAll, isEmpty, fill, about, tools, size: own = "third", rows = 8, children } = props;
  const say = useSay();
  const slot = useContext(SlotContext);
  const size = slot?.size ?? own;
  const { data, problem, again } = figures;
  return (
    <section class={`panel ${size}`} aria-busy={data === undefined && problem === undefined}>
      <header>
        <h2>{title}</h2>
        {view !== undefined && <Unfiltered view={view} isOfAll={isOfAll === true} />}
        {slot?.tools ?? tools}
      </header>
      {about !== undefined && <p class="about">{about}</p>}
      {data !== undefined && problem !== undefined && !problem.isOffline && (
        <div class="stale" role="status">
          <p>{say("panel.stale", { message: sentence(say, problem) })}</p>
          <Detail text={problem.message} />
        </div>
      )}
      {data === undefined ? (
        problem === undefined ? (
          <Skeleton rows={rows} />
        ) : (
          <Failed problem={problem} onAgain={again ?? (() => void board.again())} />
        )
      ) : isEmpty === true ? (
        <Empty fill={fill ?? "order"} isSmall={size === "third" || size === "half"} />
      ) : (
        children()
      )}
    </section>
  );
}

/** Names the filters that are on and that a view does not take. */
function Unfiltered({ view, isOfAll }: { readonly view: View; readonly isOfAll: boolean }) {
  const say = useSay();
  const filters = useStore(address, (it) => it.filters);
  const left = isOfAll ? FILTERS.filter((name) => filters[name] !== undefined) : untaken(filters, view);
  if (left.length === 0) return null;
  return <span class="tag">{say("panel.unfiltered", { names: left.map((it) => say(`filter.${it}`).toLocaleLowerCase()).join(say("panel.and")) })}</span>;
}

export function Skeleton({ rows }: { readonly rows: number }) {
  const say = useSay();
  return (
    <div class="skeleton" role="status" aria-label={say("panel.loading")}>
      {Array.from({ length: rows }, (_, at) => (
        <span key={at} />
      ))}
    </div>
  );
}

export function Failed({ problem, onAgain }: { readonly problem: Problem; readonly onAgain?: () => void }) {
  const say = useSay();
  return (
    <div class="cannot" role="status">
      <Told problem={problem} />
      {onAgain !== undefined && problem.status !== 403 && (
        <button type="button" onClick={onAgain}>
          {say("app.retry")}
        </button>
      )}
    </div>
  );
}
