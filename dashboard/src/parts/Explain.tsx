import { useEffect, useRef, useState } from "preact/hooks";
import { type Figure, daysOf } from "../address/address";
import { address, go, link } from "../address/navigation";
import { path, range } from "../address/views";
import { type Asked, useAsked } from "../state/asked";
import { useStore } from "../state/store";
import { Generated } from "./Bars";
import { Failed, Skeleton } from "./Panel";
import { isGenerated, useFormats, useSay } from "./use";

interface Entry {
  readonly kind: "order" | "transaction" | "refunds" | "refund";
  readonly id: string;
  readonly contribution: number;
  readonly at: string;
  readonly userId: string | null;
  readonly changes: number;
  readonly history: string | null;
}

interface Explained {
  readonly value: number;
  readonly days?: readonly { readonly _id: string; readonly value: number }[];
  readonly entries: readonly Entry[];
  readonly pagination: { readonly next: string | null };
}

const COUNTED: ReadonlySet<Figure> = new Set<Figure>(["totalOrders", "units"]);

/** What a figure is made of: its days, and every order, sale and refund that adds up to it. */
export function Explain({ figure }: { readonly figure: Figure }) {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const days = at.day === undefined ? daysOf(at) : { from: at.day, to: at.day };
  const base = { ...range(at, days), ...at.filters, figure, limit: 50 };
  const first = useAsked<Explained>(path("/api/metrics/explain", base));
  const whole = useAsked<Explained>(
    at.day === undefined ? undefined : path("/api/metrics/explain", { ...range(at), ...at.filters, figure, limit: 1 }),
  );
  const shown = COUNTED.has(figure) ? formats.number : formats.money;
  const choices = (at.day === undefined ? first.data?.days : whole.data?.days) ?? [];
  const close = () => go({ explain: undefined, day: undefined });
  return (
    <dialog ref={dialog} aria-labelledby="explained" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="dialog">
        <header>
          <div>
            <h2 id="explained">{say(`figure.${figure}`)}</h2>
            <p class="big" data-explained={first.data?.value}>
              {first.data === undefined ? "…" : shown(first.data.value)}
            </p>
            <p class="quiet">{say("explain.about")}</p>
          </div>
          <button type="button" onClick={close}>
            {say("explain.close")}
          </button>
        </header>
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
      </div>
    </dialog>
  );
}

interface EntriesProps {
  readonly first: Asked<Explained>;
  readonly base: Record<string, string | number | undefined>;
  readonly shown: (value: number) => string;
}

function Entries({ first, base, shown }: EntriesProps) {
  const say = useSay();
  const formats = useFormats();
  const [cursor, setCursor] = useState<string>();
  const [before, setBefore] = useState<readonly Entry[]>([]);
  const more = useAsked<Explained>(cursor === undefined ? undefined : path("/api/metrics/explain", { ...base, cursor }));
  const last = cursor === undefined ? first : more;
  const { data, problem } = last;
  if (problem !== undefined && data === undefined) return <Failed problem={problem} />;
  const entries = [...before, ...(data?.entries ?? [])];
  const next = data?.pagination.next ?? undefined;
  if (entries.length === 0 && data === undefined) return <Skeleton rows={8} />;
  return (
    <>
      <div class="scroll" tabIndex={0} role="group" aria-label={say("explain.about")}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">{say("explain.kind")}</th>
              <th scope="col">{say("list.id")}</th>
              <th scope="col">{say("explain.when")}</th>
              <th scope="col">{say("explain.who")}</th>
              <th scope="col" class="n">
                {say("explain.changes")}
              </th>
              <th scope="col" class="n">
                {say("explain.amount")}
              </th>
            </tr>
          </thead>
          <tbody>
            {entries.map((it) => (
              <tr key={`${it.kind}${it.id}${it.at}`}>
                <td>{say(`explain.${it.kind}`)}</td>
                <td>
                  {it.kind === "order" ? (
                    <a href={link({ page: "orders", id: it.id, explain: undefined, day: undefined })} data-go="">
                      {it.id}
                    </a>
                  ) : (
                    it.id
                  )}
                  {isGenerated(it.id) && <Generated />}
                </td>
                <td>{formats.instant(it.at)}</td>
                <td>{it.userId ?? "–"}</td>
                <td class="n">{formats.number(it.changes)}</td>
                <td class="n">{shown(it.contribution)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {next !== undefined && (
        <button
          type="button"
          onClick={() => {
            setBefore(entries);
            setCursor(next);
          }}
        >
          {say("explain.more")}
        </button>
      )}
    </>
  );
}
