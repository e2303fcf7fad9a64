import { useState } from "preact/hooks";
import { Once } from "../../parts/Once";
import { Panel } from "../../parts/Panel";
import { type Column, Table } from "../../parts/Table";
import { Detail, Wrong } from "../../parts/Told";
import { Twice } from "../../parts/Twice";
import { useShows } from "../../parts/use";
import { type Problem, problemOf } from "../../state/api";
import { type Asked, act } from "../../state/asked";
import { RuleForm, type Written } from "./RuleForm";
import { type Rule, body, draft, sentence, shown } from "./rule";

interface Props {
  readonly listed: Asked<{ readonly alerts: readonly Rule[] }>;
}

/** The rules that the person may change: made, changed, paused, removed. */
export function Rules({ listed }: Props) {
  const { say } = useShows();
  const [open, setOpen] = useState<Rule | "new">();
  const [secret, setSecret] = useState<string>();
  const [failed, setFailed] = useState<Problem>();
  const rules = listed.data?.alerts ?? [];
  const run = (done: Promise<unknown>) => {
    setFailed(undefined);
    done.then(listed.again, (error: unknown) => setFailed(problemOf(error)));
  };
  const done = ({ webhookSecret }: Written) => {
    setOpen(undefined);
    setSecret(webhookSecret ?? undefined);
    listed.again();
  };
  const columns = useColumns(run, setOpen);
  return (
    <Panel
      title={say("alert.rules")}
      about={say("alert.about")}
      figures={listed}
      size="full"
      rows={4}
      tools={
        <button type="button" class="main" aria-expanded={open === "new"} onClick={() => setOpen(open === "new" ? undefined : "new")}>
          {say("alert.new")}
        </button>
      }
    >
      {() => (
        <>
          {open !== undefined && (
            <RuleForm
              key={open === "new" ? "new" : open.id}
              rule={open === "new" ? undefined : open}
              onDone={done}
              onCancel={() => setOpen(undefined)}
            />
          )}
          {secret !== undefined && <Once about={say("alert.secret")} secret={secret} />}
          <Wrong problem={failed} />
          {rules.length === 0 ? (
            <p class="notice">{say("alert.none")}</p>
          ) : (
            <Table name={say("alert.rules")} columns={columns} rows={rules} id={(it) => it.id} row={(it) => (it.isActive ? "" : "quiet")} />
          )}
        </>
      )}
    </Panel>
  );
}

/** What is said of a rule in a row, and what can be done with it. */
function useColumns(run: (done: Promise<unknown>) => void, edit: (rule: Rule) => void): readonly Column<Rule>[] {
  const shows = useShows();
  const { say } = shows;
  const pause = (rule: Rule) => run(act("PUT", `/api/alerts/${rule.id}`, body({ ...draft(rule), isActive: !rule.isActive })));
  return [
    {
      title: say("alert.rule"),
      cell: (it) => (
        <>
          <b>{it.name}</b>
          {it.role !== null && <span class="tag">{say("alert.ofRole", { role: say(`role.${it.role}`) })}</span>}
          <br />
          <span class="quiet">{sentence(shows, it)}</span>
        </>
      ),
    },
    { title: say("alert.now"), isNumber: true, cell: (it) => shown(shows, it.view, it.figure, it.state.value) },
    { title: say("alert.state"), cell: (it) => <State rule={it} /> },
    { title: say("alert.told"), isMinor: true, cell: (it) => ways(it).map((way) => say(`alert.by.${way}`)).join(", ") },
    {
      isNumber: true,
      cell: (it) => (
        <span class="buttons">
          <button type="button" aria-label={`${say("alert.edit")}: ${it.name}`} onClick={() => edit(it)}>
            {say("alert.edit")}
          </button>
          <button type="button" aria-label={`${say(it.isActive ? "alert.pause" : "alert.resume")}: ${it.name}`} onClick={() => pause(it)}>
            {say(it.isActive ? "alert.pause" : "alert.resume")}
          </button>
          <Twice name={say("alert.remove")} about={it.name} onClick={() => run(act("DELETE", `/api/alerts/${it.id}`))} />
        </span>
      ),
    },
  ];
}

function ways({ deliver }: Rule): readonly ("page" | "mail" | "webhook")[] {
  return ["page", ...(deliver.mail ? (["mail"] as const) : []), ...(deliver.webhook === null ? [] : (["webhook"] as const))];
}

/** How a rule stands. */
function State({ rule: { isActive, state } }: { readonly rule: Rule }) {
  const { say, formats } = useShows();
  if (!isActive) return <>{say("alert.paused")}</>;
  if (state.trouble !== null) {
    return (
      <>
        <span class="bad">{say("alert.trouble")}</span>
        <Detail text={state.trouble} />
      </>
    );
  }
  if (!state.holds) return <span class="quiet">{say("alert.calm")}</span>;
  return <span class="bad">{say("alert.holds", { at: state.since === null ? "" : formats.moment(state.since) })}</span>;
}
