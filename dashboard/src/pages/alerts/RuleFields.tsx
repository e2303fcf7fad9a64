import { FILTERS, type Filter } from "../../address/address";
import { type Described, Field } from "../../parts/Field";
import { useShows } from "../../parts/use";
import { type Draft, WATCHED, WATCHED_IDS, type WatchedId, filtersOf } from "./rule";
import type { PartProps } from "./RuleForm";

/** The windows and lengths that are offered, as the service writes them; a rule that has another one keeps it. */
const WINDOWS = ["15m", "1h", "1d", "7d", "30d"] as const;
const LENGTHS = ["1m", "5m", "10m", "30m", "1h", "6h", "1d"] as const;
const CONDITIONS = ["above", "below", "changedBy", "noEventsFor"] as const;
const DIRECTIONS = ["up", "down", "either"] as const;

interface LengthsProps extends Described {
  readonly offered: readonly string[];
  readonly value: string;
  /** The name of none, where there may be none. */
  readonly none?: string;
  readonly onChange: (value: string) => void;
}

/** A choice of lengths of time. */
export function Lengths({ offered, value, none, onChange, ...described }: LengthsProps) {
  const { formats } = useShows();
  const all = value === "" || offered.includes(value) ? offered : [value, ...offered];
  return (
    <select value={value} onChange={(event) => onChange(event.currentTarget.value)} {...described}>
      {none !== undefined && <option value="">{none}</option>}
      {all.map((it) => (
        <option key={it} value={it}>
          {formats.length(it)}
        </option>
      ))}
    </select>
  );
}

/** The figure that is watched, and the part of it. */
export function Watched({ it, set, problem }: PartProps) {
  const { say } = useShows();
  const filters = filtersOf(it.watched);
  const choose = (watched: Draft["watched"]) => {
    const isKept = it.filter !== "" && filtersOf(watched).includes(it.filter);
    set({ watched, ...(isKept ? {} : { filter: "", value: "" }) });
  };
  return (
    <>
      <Field label={say("alert.watched")} names={it.watched === "other" ? [] : ["figure", ...(it.filter === "" ? ["view"] : [])]} problem={problem}>
        {(described) => (
          <select value={it.watched} onChange={(event) => choose(event.currentTarget.value as Draft["watched"])} {...described}>
            {WATCHED_IDS.map((id: WatchedId) => (
              <option key={id} value={id}>
                {say(WATCHED[id].name)}
              </option>
            ))}
            <option value="other">{say("alert.other")}</option>
          </select>
        )}
      </Field>
      {filters.length > 0 && (
        <Field label={say("alert.filter")} names={[]} problem={problem}>
          {(described) => (
            <select value={it.filter} onChange={(event) => set({ filter: event.currentTarget.value as Filter | "" })} {...described}>
              <option value="">{say("alert.whole")}</option>
              {FILTERS.filter((name) => filters.includes(name)).map((name) => (
                <option key={name} value={name}>
                  {say(`filter.${name}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {it.filter !== "" && (
        <Field label={say(`filter.${it.filter}`)} names={["view"]} problem={problem}>
          {(described) => <input required value={it.value} onInput={(event) => set({ value: event.currentTarget.value })} {...described} />}
        </Field>
      )}
      {it.watched === "other" && (
        <>
          <Field label={say("alert.view")} names={["view"]} problem={problem} isWide>
            {(described) => <input dir="ltr" maxLength={2_048} value={it.view} onInput={(event) => set({ view: event.currentTarget.value })} {...described} />}
          </Field>
          {it.is !== "noEventsFor" && (
            <Field label={say("alert.figure")} names={["figure"]} problem={problem}>
              {(described) => <input dir="ltr" maxLength={256} value={it.figure} onInput={(event) => set({ figure: event.currentTarget.value })} {...described} />}
            </Field>
          )}
        </>
      )}
    </>
  );
}

/** What it looks for, and in which window. */
export function ConditionFields({ it, set, problem }: PartProps) {
  const { say } = useShows();
  const isBound = it.is === "above" || it.is === "below";
  const isPercent = it.watched !== "other" && WATCHED[it.watched].is === "percent";
  return (
    <>
      <Field label={say("alert.condition")} names={["condition", "condition.is"]} problem={problem}>
        {(described) => (
          <select value={it.is} onChange={(event) => set({ is: event.currentTarget.value as Draft["is"] })} {...described}>
            {CONDITIONS.map((is) => (
              <option key={is} value={is}>
                {say(`alert.is.${is}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {isBound && (
        <Field label={say(isPercent ? "alert.boundPercent" : "alert.bound")} names={["condition.value"]} problem={problem}>
          {(described) => <input inputMode="decimal" dir="ltr" value={it.bound} onInput={(event) => set({ bound: event.currentTarget.value })} {...described} />}
        </Field>
      )}
      {it.is === "changedBy" && (
        <>
          <Field label={say("alert.percent")} names={["condition.percent"]} problem={problem}>
            {(described) => <input inputMode="decimal" dir="ltr" value={it.percent} onInput={(event) => set({ percent: event.currentTarget.value })} {...described} />}
          </Field>
          <Field label={say("alert.direction")} names={["condition.direction"]} problem={problem}>
            {(described) => (
              <select value={it.direction} onChange={(event) => set({ direction: event.currentTarget.value as Draft["direction"] })} {...described}>
                {DIRECTIONS.map((way) => (
                  <option key={way} value={way}>
                    {say(`alert.direction.${way}`)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </>
      )}
      {it.is === "noEventsFor" ? (
        <Field label={say("alert.duration")} names={["condition.duration", "window"]} problem={problem} hint={say("alert.durationHint")}>
          {(described) => <Lengths offered={LENGTHS} value={it.duration} onChange={(duration) => set({ duration })} {...described} />}
        </Field>
      ) : (
        <Field label={say("alert.window")} names={["window"]} problem={problem} {...(it.is === "changedBy" ? { hint: say("alert.windowHint") } : {})}>
          {(described) => <Lengths offered={WINDOWS} none={say("alert.ownRange")} value={it.window} onChange={(window) => set({ window })} {...described} />}
        </Field>
      )}
    </>
  );
}
