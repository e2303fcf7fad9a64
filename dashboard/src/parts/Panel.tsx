import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import type { Figures } from "../state/figures";
import { Empty } from "./Empty";
import { SlotContext } from "./slot";
import { useSay } from "./use";

interface Props {
  readonly title: string;
  /** What it shows is made of; the first that fails says why there is nothing. */
  readonly figures: Figures;
  readonly isEmpty?: boolean;
  /** The kind of event that would fill it. */
  readonly fill?: "order" | "activity" | "feedback";
  /** Filters of the page do not apply to it, and there are some. */
  readonly unfiltered?: boolean;
  readonly about?: string;
  readonly tools?: ComponentChildren;
  readonly size?: "third" | "half" | "wide" | "full";
  /** The height of what is not here yet, in rows. */
  readonly rows?: number;
  readonly children: () => ComponentChildren;
}

/** A part of a page with a title: shows its figures, or why there are none. */
export function Panel(props: Props) {
  const { title, figures, isEmpty, fill, unfiltered, about, tools, size: own = "third", rows = 8, children } = props;
  const say = useSay();
  const slot = useContext(SlotContext);
  const size = slot?.size ?? own;
  const { data, problem } = figures;
  return (
    <section class={`panel ${size}`} aria-busy={data === undefined && problem === undefined}>
      <header>
        <h2>{title}</h2>
        {unfiltered === true && <span class="tag">{say("panel.unfiltered")}</span>}
        {slot?.tools ?? tools}
      </header>
      {about !== undefined && <p class="about">{about}</p>}
      {data !== undefined && problem !== undefined && !problem.isOffline && (
        <p class="stale">{say("panel.stale", { message: problem.message })}</p>
      )}
      {data === undefined ? (
        problem === undefined ? (
          <Skeleton rows={rows} />
        ) : (
          <Failed problem={problem} />
        )
      ) : isEmpty === true ? (
        <Empty fill={fill ?? "order"} isSmall={size === "third" || size === "half"} />
      ) : (
        children()
      )}
    </section>
  );
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

export function Failed({ problem }: { readonly problem: NonNullable<Figures["problem"]> }) {
  const say = useSay();
  if (problem.isOffline) return <p class="failed">{say("panel.offline")}</p>;
  return (
    <div class="failed">
      <p>{say(problem.status === 403 ? "panel.refused" : "panel.failed")}</p>
      <p class="quiet">{problem.message}</p>
      {problem.requestId !== "" && <p class="quiet">{say("panel.requestId", { id: problem.requestId })}</p>}
    </div>
  );
}
