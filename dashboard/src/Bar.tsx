import { useEffect, useRef, useState } from "preact/hooks";
import { COMPARE, type Compare, FILTERS, type Filter, daysOf, without } from "./address/address";
import { address, go } from "./address/navigation";
import { PRESETS, today } from "./address/range";
import { naming } from "./address/views";
import { useFigures, useFormats, useSay } from "./parts/use";
import { board } from "./state/figures";
import type { Named } from "./state/shapes";
import { useStore } from "./state/store";

/** What the figures of a page are of: range, comparison, zone, filters; and how fresh they are. */
export function Bar() {
  const say = useSay();
  const { page, range, compare, filters } = useStore(address, (it) => it);
  return (
    <div class="tools">
      <div class="presets" role="group" aria-label={say("bar.range")}>
        {PRESETS.map((preset) => (
          <button
            key={preset}
            type="button"
            aria-pressed={preset === range}
            onClick={() => go({ range: preset, from: undefined, to: undefined })}
          >
            {say(`bar.${preset}`)}
          </button>
        ))}
        <Custom />
      </div>
      {page === "overview" && (
        <select
          aria-label={say("bar.compare")}
          value={compare}
          disabled={range === "all"}
          onChange={(event) => go({ compare: event.currentTarget.value as Compare })}
        >
          {COMPARE.map((it) => (
            <option key={it} value={it}>
              {say(`bar.${it}`)}
            </option>
          ))}
        </select>
      )}
      <Zone />
      {FILTERS.map((name) => filters[name] !== undefined && <Chip key={name} name={name} value={filters[name]} />)}
      <Freshness />
    </div>
  );
}

/** A filter that is on; a click takes it away. */
function Chip({ name, value }: { readonly name: Filter; readonly value: string }) {
  const say = useSay();
  const filters = useStore(address, (it) => it.filters);
  const { data: named } = useFigures<Named>(naming(filters));
  const isOne = name === "productId" || name === "userId";
  const shown = (isOne ? (named?.name ?? named?.profile?.username) : undefined) ?? value;
  const kind = say(`filter.${name}`);
  return (
    <button
      type="button"
      class="chip"
      aria-label={say("bar.removeFilter", { name: `${kind} ${shown}` })}
      onClick={() => go({ filters: without(filters, name) })}
    >
      <span class="quiet">{kind}</span> {shown} <span aria-hidden="true">×</span>
    </button>
  );
}

function Custom() {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const [isWrong, setWrong] = useState(false);
  const details = useRef<HTMLDetailsElement>(null);
  const days = daysOf(at);
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const [from, to] = [String(data.get("from")), String(data.get("to"))];
    setWrong(from > to);
    if (from > to) return;
    go({ range: "custom", from, to });
    if (details.current !== null) details.current.open = false;
  };
  const isOn = at.range === "custom" && at.from !== undefined && at.to !== undefined;
  return (
    <details class="menu" ref={details}>
      <summary class={isOn ? "on" : ""}>
        {isOn ? `${formats.day(at.from ?? "")} – ${formats.day(at.to ?? "")}` : say("bar.custom")}
      </summary>
      <form class="sheet" onSubmit={apply}>
        <label>
          {say("bar.from")}
          <input name="from" type="date" required defaultValue={days.from ?? today(at.zone)} />
        </label>
        <label>
          {say("bar.to")}
          <input name="to" type="date" required defaultValue={days.to ?? today(at.zone)} />
        </label>
        {isWrong && (
          <p class="wrong" role="alert">
            {say("bar.wrongRange")}
          </p>
        )}
        <button type="submit" class="main">
          {say("bar.apply")}
        </button>
      </form>
    </details>
  );
}

let zones: readonly string[] | undefined;

/** All zones, once somebody chooses one: they are some hundreds. */
function allZones(): readonly string[] {
  zones ??= [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])];
  return zones;
}

function Zone() {
  const say = useSay();
  const zone = useStore(address, (it) => it.zone);
  const [isOpen, setOpen] = useState(false);
  const all = isOpen ? [...new Set([zone, ...allZones()])].sort() : [zone];
  return (
    <select
      class="zone"
      aria-label={say("bar.zone")}
      value={zone}
      onFocus={() => setOpen(true)}
      onPointerDown={() => setOpen(true)}
      onChange={(event) => go({ zone: event.currentTarget.value })}
    >
      {all.map((it) => (
        <option key={it} value={it}>
          {it.replaceAll("_", " ")}
        </option>
      ))}
    </select>
  );
}

/** How far the figures are, how old they are, and whether they move. */
function Freshness() {
  const say = useSay();
  const formats = useFormats();
  const live = useStore(address, (it) => it.live);
  const { position, receivedAt, lag, halted, connection, offline } = useStore(board.store, (it) => it);
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const is = offline ? "away" : connection;
  const span = receivedAt === undefined ? undefined : formats.span(Math.max(0, now - receivedAt));
  return (
    <div class="fresh">
      <span class="how" role="status" title={say(`bar.${is}`)}>
        <span class={`dot ${is}`} aria-hidden="true" />
        <span class={is === "away" ? "" : "hidden"}>{say(`bar.${is}`)}</span>
      </span>
      {halted !== undefined && <span class="wrong">{say("bar.halted")}</span>}
      {connection === "off" && lag !== undefined && lag > 0 && <span class="quiet">{say("bar.behind", { n: formats.number(lag) })}</span>}
      {position !== undefined && (
        <span class="position" data-position={position}>
          {say("bar.position", { n: formats.number(position) })}
          {span !== undefined && <span class="quiet"> · {say("bar.age", { span })}</span>}
        </span>
      )}
      {!live && (
        <button type="button" onClick={() => void board.again()}>
          {say("bar.refresh")}
        </button>
      )}
      <button type="button" class="switch" role="switch" aria-checked={live} onClick={() => go({ live: !live })}>
        {say("bar.live")}
      </button>
    </div>
  );
}
