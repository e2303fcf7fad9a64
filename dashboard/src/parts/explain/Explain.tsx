import { useEffect, useRef } from "preact/hooks";
import { COUNTS, type Explained, type Figure, MADE, type Part, UNEXPLAINED, WHO, withPart } from "../../address/address";
import { address, go } from "../../address/navigation";
import { explained, path, range } from "../../address/views";
import { useAsked } from "../../state/asked";
import { useStore } from "../../state/store";
import { NO_VALUE, type Shows, stated, useShows } from "../use";
import { Entries, type Explained as Answer } from "./Entries";
import { MadeOf } from "./MadeOf";
import { Named } from "./Named";
import { OverTime } from "./OverTime";

const WHOLE: ReadonlySet<Figure> = new Set<Figure>(["totalOrders", "units"]);

function isOf<T extends Explained>(all: readonly T[], figure: Explained): figure is T {
  return (all as readonly Explained[]).includes(figure);
}

/** The part of a figure in words. */
function named(shows: Shows, { name, value }: Part): string {
  const { say, formats } = shows;
  if (value === NO_VALUE) return say("panel.none");
  if (name === "rating") return say("rating.stars", { n: formats.number(Number(value)) });
  if (name === "cohort") {
    const [month = "", after] = value.split("+");
    const of = formats.period(month, "month");
    return after === undefined ? of : `${of}, ${say("cohort.after", { n: formats.number(Number(after)) })}`;
  }
  return name === "device" || name === "activityType" ? stated(say, name, value) : value;
}

/** What a figure is made of, in a dialog over the page. */
export function Explain({ figure }: { readonly figure: Explained }) {
  const shows = useShows();
  const { say, formats } = shows;
  const at = useStore(address, (it) => it);
  const { part } = at;
  const { from, to } = explained(at);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const close = () => go(UNEXPLAINED);
  return (
    <dialog ref={dialog} aria-labelledby="explained" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="dialog">
        <header>
          <h2 id="explained">
            {say(`figure.${figure}`)}
            {part !== undefined && (
              <span class="quiet">
                {" "}
                · {say(`filter.${part.name}`)}: <bdi>{named(shows, part)}</bdi>
              </span>
            )}
            {at.isBefore && from !== undefined && to !== undefined && (
              <span class="quiet">
                {" "}
                · {formats.day(from)} – {formats.day(to)}
              </span>
            )}
          </h2>
          <button type="button" onClick={close}>
            {say("explain.close")}
          </button>
        </header>
        <Body key={figure} figure={figure} />
      </div>
    </dialog>
  );
}

function Body({ figure }: { readonly figure: Explained }) {
  // Pages of another question are asked for anew.
  const at = useStore(address, (it) => it);
  const key = `${at.part?.name}:${at.part?.value} ${at.day} ${at.isBefore}`;
  if (isOf(MADE, figure)) return <MadeOf figure={figure} />;
  if (isOf(WHO, figure)) return <Named key={key} figure={figure} />;
  if (isOf(COUNTS, figure)) return <OverTime figure={figure} />;
  return <Counted figure={figure} />;
}

/** A figure that orders, sales and refunds add up to: its days, and each of them. */
function Counted({ figure }: { readonly figure: Figure }) {
  const { say, formats } = useShows();
  const at = useStore(address, (it) => it);
  const days = explained(at);
  const filters = withPart(at.filters, at.part);
  const base = { ...range(at, days), ...filters, figure, limit: 50 };
  const first = useAsked<Answer>(path("/api/metrics/explain", base));
  const whole = useAsked<Answer>(
    at.day === undefined ? undefined : path("/api/metrics/explain", { ...range(at, explained({ ...at, day: undefined })), ...filters, figure, limit: 1 }),
  );
  const shown = WHOLE.has(figure) ? formats.number : formats.money;
  const choices = (at.day === undefined ? first.data?.days : whole.data?.days) ?? [];
  return (
    <>
      <p class="big" data-explained={first.data?.value}>
        {first.data === undefined ? "…" : shown(first.data.value)}
      </p>
      <p class="quiet">{say("explain.about")}</p>
      <select
        aria-label={say("explain.day")}
        value={at.day ?? ""}
        onChange={(event) => go({ day: event.currentTarget.value || undefined }, true)}
      >
        <option value="">{say("explain.allDays")}</option>
        {at.day !== undefined && !choices.some((it) => it._id === at.day) && (
          <option value={at.day}>{formats.day(at.day)}</option>
        )}
        {choices.map((it) => (
          <option key={it._id} value={it._id}>
            {formats.day(it._id)} · {shown(it.value)}
          </option>
        ))}
      </select>
      <Entries key={path("", base)} first={first} base={base} shown={shown} />
    </>
  );
}
