import { useEffect, useRef, useState } from "preact/hooks";
import { Field } from "../../parts/Field";
import { Wrong } from "../../parts/Told";
import { useShows } from "../../parts/use";
import { type Problem, problemOf } from "../../state/api";
import { act } from "../../state/asked";
import { ROLES, session } from "../../state/session";
import { shop } from "../../state/shop";
import { useStore } from "../../state/store";
import { ConditionFields, Lengths, Watched } from "./RuleFields";
import { BLANK, type Draft, type Rule, body, draft } from "./rule";

/** What the API calls the fields of the form; what else is wrong stands below all of them. */
const FIELDS: ReadonlySet<string> = new Set([
  "name",
  "view",
  "figure",
  "window",
  "condition",
  "condition.is",
  "condition.value",
  "condition.percent",
  "condition.direction",
  "condition.duration",
  "quietTime",
  "deliver.mail",
  "deliver.webhook",
  "deliver.webhook.url",
  "role",
  "isActive",
]);

/** The quiet times that are offered. */
const QUIET = ["1m", "15m", "1h", "6h", "1d", "7d"] as const;

export interface Written {
  readonly alert: Rule;
  /** Shown once, where a webhook was made. */
  readonly webhookSecret: string | null;
}

interface Props {
  /** The rule that is changed; without it one is made. */
  readonly rule: Rule | undefined;
  readonly onDone: (written: Written) => void;
  readonly onCancel: () => void;
}

/** A rule, to be made or changed. What the service refuses stands at the field that it names. */
export function RuleForm({ rule, onDone, onCancel }: Props) {
  const { say } = useShows();
  const [it, setDraft] = useState<Draft>(rule === undefined ? BLANK : draft(rule));
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const set = (changes: Partial<Draft>) => setDraft({ ...it, ...changes });
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    const [method, at] = rule === undefined ? (["POST", "/api/alerts"] as const) : (["PUT", `/api/alerts/${rule.id}`] as const);
    act<Written>(method, at, body(it)).then(onDone, (error: unknown) => {
      setBusy(false);
      setProblem(problemOf(error));
    });
  };
  useEffect(() => {
    // After a form is refused, the focus is on its first wrong field.
    if (problem !== undefined) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problem]);
  const isElsewhere = problem !== undefined && !problem.fields.some(({ field }) => FIELDS.has(field));
  return (
    <form class="rule" ref={form} onSubmit={send} aria-label={say(rule === undefined ? "alert.new" : "alert.edit")}>
      <Field label={say("alert.name")} names={["name"]} problem={problem}>
        {(described) => <input value={it.name} maxLength={100} onInput={(event) => set({ name: event.currentTarget.value })} {...described} />}
      </Field>
      <Watched it={it} set={set} problem={problem} />
      <ConditionFields it={it} set={set} problem={problem} />
      <Field label={say("alert.quietTime")} names={["quietTime"]} problem={problem} hint={say("alert.quietHint")}>
        {(described) => <Lengths offered={QUIET} value={it.quietTime} onChange={(quietTime) => set({ quietTime })} {...described} />}
      </Field>
      <Ways it={it} set={set} problem={problem} />
      <Owner it={it} set={set} problem={problem} isKept={rule !== undefined} />
      {isElsewhere && <Wrong problem={problem} />}
      <div class="pager">
        <button type="button" onClick={onCancel}>
          {say("alert.cancel")}
        </button>
        <button type="submit" class="main" disabled={isBusy}>
          {say(rule === undefined ? "alert.make" : "alert.save")}
        </button>
      </div>
    </form>
  );
}

export interface PartProps {
  readonly it: Draft;
  readonly set: (changes: Partial<Draft>) => void;
  readonly problem: Problem | undefined;
}

/** How it is told beside this page: by mail and to a program. */
function Ways({ it, set, problem }: PartProps) {
  const { say } = useShows();
  const hasMail = useStore(shop, ({ shop }) => shop?.mail === true);
  return (
    <>
      <Field
        label={say("alert.webhook")}
        names={["deliver.webhook", "deliver.webhook.url"]}
        problem={problem}
        hint={say("alert.webhookHint")}
      >
        {(described) => (
          <input
            type="url"
            dir="ltr"
            placeholder="https://"
            maxLength={2_048}
            value={it.webhook}
            onInput={(event) => set({ webhook: event.currentTarget.value })}
            {...described}
          />
        )}
      </Field>
      <Field label={say("alert.mail")} names={["deliver.mail"]} problem={problem} {...(hasMail ? {} : { hint: say("alert.noMail") })}>
        {(described) => (
          <select value={it.mail ? "yes" : "no"} disabled={!hasMail && !it.mail} onChange={(event) => set({ mail: event.currentTarget.value === "yes" })} {...described}>
            <option value="no">{say("alert.no")}</option>
            <option value="yes">{say("alert.yes")}</option>
          </select>
        )}
      </Field>
    </>
  );
}

/** Whose it is; only who may change accounts makes rules of roles, and a rule keeps its owner. */
function Owner({ it, set, problem, isKept }: PartProps & { readonly isKept: boolean }) {
  const { say } = useShows();
  const isAdmin = useStore(session, ({ user }) => user?.role === "admin");
  if (!isAdmin && it.role === "") return null;
  return (
    <Field label={say("alert.owner")} names={["role"]} problem={problem}>
      {(described) => (
        <select value={it.role} disabled={isKept} onChange={(event) => set({ role: event.currentTarget.value })} {...described}>
          <option value="">{say("alert.own")}</option>
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {say("alert.ofRole", { role: say(`role.${role}`) })}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
