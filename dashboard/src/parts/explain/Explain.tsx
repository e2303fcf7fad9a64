import { useEffect, useRef } from "preact/hooks";
import { type Address, type Figure, MADE, type Made, UNEXPLAINED, daysOf, filtered } from "../../address/address";
import { address, go } from "../../address/navigation";
import { path, range } from "../../address/views";
import { useAsked } from "../../state/asked";
import { useStore } from "../../state/store";
import { useShows } from "../use";
import { Entries, type Explained } from "./Entries";
import { MadeOf } from "./MadeOf";

const COUNTED: ReadonlySet<Figure> = new Set<Figure>(["totalOrders", "units"]);

const isMade = (figure: Figure | Made): figure is Made => (MADE as readonly string[]).includes(figure);

/** The filters of what is explained: those of the page, and the part that was chosen. */
function filtersOf({ filters, part }: Address): Address["filters"] {
  return part === undefined ? filters : filtered(filters, part.name, part.value);
}

/** What a figure is made of, in a dialog over the page. */
export function Explain({ figure }: { readonly figure: Figure | Made }) {
  const { say } = useShows();
  const part = useStore(address, (it) => it.part);
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
                · {say(`filter.${part.name}`)} {part.value}
              </span>
            )}
          </h2>
          <button type="button" onClick={close}>
            {say("explain.close")}
          </button>
        </header>
        {isMade(figure) ? <MadeOf figure={figure} /> : <Counted figure={figure} />}
      </div>
    </dialog>
  );
}

/** A figure that orders, sales and refunds add up to: its days, and each of them. */
function Counted({ figure }: { readonly figure: Figure }) {
  const { say, formats } = useShows();
  const at = useStore(address, (it) => it);
  const days = at.day === undefined ? daysOf(at) : { from: at.day, to: at.day };
  const filters = filtersOf(at);
  const base = { ...range(at, days), ...filters, figure, limit: 50 };
  const first = useAsked<Explained>(path("/api/metrics/explain", base));
  const whole = useAsked<Explained>(
    at.day === undefined ? undefined : path("/api/metrics/explain", { ...range(at), ...filters, figure, limit: 1 }),
  );
  const shown = COUNTED.has(figure) ? formats.number : formats.money;
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
