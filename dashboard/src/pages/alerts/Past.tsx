import { useEffect, useState } from "preact/hooks";
import { path } from "../../address/views";
import { Pager } from "../../parts/Pager";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
import { useShows } from "../../parts/use";
import { type Recorded, alerts } from "../../state/alerts";
import { useAsked } from "../../state/asked";
import type { Pages } from "../../state/shapes";
import { useStore } from "../../state/store";
import { type Rule, sentence, shown } from "./rule";

interface Delivery {
  readonly by: "mail" | "webhook";
  readonly state: "waiting" | "sent" | "failed";
  readonly attempts: number;
  readonly error: string | null;
}

interface PastAlert extends Recorded {
  readonly isTold: boolean;
  readonly deliveries: readonly Delivery[];
}

interface Listed extends Pages {
  readonly alerts: readonly PastAlert[];
}

const ROWS = 20;

/** What was recorded, the newest first; more comes in by itself at the top. */
export function Past({ rules }: { readonly rules: readonly Rule[] }) {
  const shows = useShows();
  const { say, formats } = shows;
  const [alert, setAlert] = useState("");
  const [cursor, setCursor] = useState<string>();
  const listed = useAsked<Listed>(path("/api/alerts/history", { alert, limit: ROWS, cursor }));
  const newest = useStore(alerts, (it) => it.recorded?.[0]?.id);
  useEffect(() => listed.again(), [newest]);
  const rows = listed.data?.alerts ?? [];
  const next = listed.data?.pagination.next ?? undefined;
  const choose = (id: string) => {
    setAlert(id);
    setCursor(undefined);
  };
  return (
    <Panel
      title={say("alert.history")}
      figures={listed}
      size="full"
      tools={
        <select aria-label={say("alert.rule")} value={alert} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">{say("alert.all")}</option>
          {rules.map((it) => (
            <option key={it.id} value={it.id}>
              {it.name}
            </option>
          ))}
        </select>
      }
    >
      {() => (
        <>
          {rows.length === 0 && cursor === undefined ? (
            <p class="notice">{say("alert.nothing")}</p>
          ) : (
            <Table
              name={say("alert.history")}
              rows={rows}
              id={(it) => it.id}
              columns={[
                { title: say("explain.when"), cell: (it) => formats.instant(it.at) },
                { title: say("alert.name"), cell: (it) => it.name },
                { title: say("alert.looksFor"), isMinor: true, cell: (it) => sentence(shows, it) },
                {
                  title: say("alert.value"),
                  isNumber: true,
                  cell: (it) => (
                    <>
                      {shown(shows, it.view, it.figure, it.value)}
                      {it.before !== null && (
                        <span class="quiet"> {say("card.before", { value: shown(shows, it.view, it.figure, it.before) })}</span>
                      )}
                    </>
                  ),
                },
                { title: say("alert.told"), cell: (it) => <Told alert={it} /> },
              ]}
            />
          )}
          <Pager
            onFirst={cursor === undefined ? undefined : () => setCursor(undefined)}
            onNext={next === undefined ? undefined : () => setCursor(next)}
          />
        </>
      )}
    </Panel>
  );
}

/** Whether anybody was told, and what became of the messages. */
function Told({ alert: { isTold, deliveries } }: { readonly alert: PastAlert }) {
  const { say } = useShows();
  if (!isTold) return <span class="quiet">{say("alert.quiet")}</span>;
  return (
    <>
      {say("alert.by.page")}
      {deliveries.map(({ by, state, error }, at) => (
        <span key={at} class={state === "failed" ? "bad" : ""} title={error ?? ""}>
          , {say(`alert.by.${by}`)}: {say(`alert.delivery.${state}`)}
        </span>
      ))}
    </>
  );
}
