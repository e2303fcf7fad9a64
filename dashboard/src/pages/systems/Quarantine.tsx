import { useState } from "preact/hooks";
import { path } from "../../address/views";
import { Pager } from "../../parts/Pager";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
import { Wrong } from "../../parts/Told";
import { Twice } from "../../parts/Twice";
import { useFormats, useSay } from "../../parts/use";
import type { Problem } from "../../state/api";
import { act, useAsked } from "../../state/asked";
import { en } from "../../words/en";
import type { Key, Say } from "../../words/words";

interface Reason {
  readonly field: string;
  readonly message: string;
  /** A word for it, where the service has one. */
  readonly code?: string;
}

/** Why an event was not understood: in words where its code has some, else as the service says it. */
function because(say: Say, { field, message, code }: Reason): string {
  const key = `reason.${code ?? ""}`;
  return [field, key in en ? say(key as Key) : message].filter(Boolean).join(": ");
}

interface Row {
  readonly position: number;
  readonly kind: string | null;
  readonly at: string;
  readonly reasons: readonly Reason[];
  readonly state: string;
}

interface Listed {
  readonly events: readonly Row[];
  readonly pagination: { readonly next: string | null };
}

const STATES = ["open", "replayed", "discarded", "all"] as const;
const ROWS = 20;
/** How often the list is asked for, in milliseconds. */
const EVERY = 5_000;

/** What could not be understood: looked at, mended, sent again, given up. */
export function Quarantine() {
  const say = useSay();
  const formats = useFormats();
  const [state, setState] = useState<string>("open");
  const [cursor, setCursor] = useState<string>();
  const [open, setOpen] = useState<number>();
  const listed = useAsked<Listed>(path("/api/quarantine", { state, limit: ROWS, cursor }), EVERY);
  const events = listed.data?.events ?? [];
  const next = listed.data?.pagination.next ?? undefined;
  const turn = (to: string) => {
    setState(to);
    setCursor(undefined);
    setOpen(undefined);
  };
  return (
    <Panel
      title={say("quarantine.title")}
      about={say("quarantine.about")}
      figures={listed}
      size="full"
      rows={4}
      tools={
        <select aria-label={say("quarantine.show")} value={state} onChange={(event) => turn(event.currentTarget.value)}>
          {STATES.map((it) => (
            <option key={it} value={it}>
              {say(`quarantine.${it}`)}
            </option>
          ))}
        </select>
      }
    >
      {() =>
        events.length === 0 && cursor === undefined ? (
          <p class="notice">{say(state === "open" ? "quarantine.none" : "list.nothing")}</p>
        ) : (
          <>
            <Table
              name={say("quarantine.title")}
              rows={events}
              id={(it) => it.position}
              columns={[
                { title: say("list.position"), cell: (it) => formats.number(it.position) },
                { title: say("explain.when"), cell: (it) => formats.instant(it.at) },
                { title: say("quarantine.kind"), isCode: true, cell: (it) => it.kind ?? "–" },
                {
                  title: say("quarantine.reason"),
                  isCode: true,
                  cell: (it) => it.reasons.map((reason) => because(say, reason)).join("; "),
                },
                {
                  isNumber: true,
                  cell: (it) => (
                    <button type="button" onClick={() => setOpen(it.position)}>
                      {say("quarantine.look")}
                    </button>
                  ),
                },
              ]}
            />
            <Pager
              onFirst={cursor === undefined ? undefined : () => setCursor(undefined)}
              onNext={next === undefined ? undefined : () => setCursor(next)}
            />
            {open !== undefined && (
              <One
                key={open}
                position={open}
                onDone={() => {
                  setOpen(undefined);
                  listed.again();
                }}
              />
            )}
          </>
        )
      }
    </Panel>
  );
}

interface Trial {
  readonly replay: { readonly outcome: string; readonly touched: readonly string[] };
}

function One({ position, onDone }: { readonly position: number; readonly onDone: () => void }) {
  const say = useSay();
  const { data } = useAsked<{ event: { payload: string | null; state: string } }>(`/api/quarantine/${position}`);
  const [edited, setEdited] = useState<string>();
  const [why, setWhy] = useState("");
  const [word, setWord] = useState<string>();
  const [failed, setFailed] = useState<Problem | "notJson">();
  const text = edited ?? pretty(data?.event.payload);
  const run = async (todo: () => Promise<void>) => {
    setWord(undefined);
    setFailed(undefined);
    try {
      await todo();
    } catch (error) {
      setFailed(error instanceof SyntaxError ? "notJson" : (error as Problem));
    }
  };
  const body = () => (edited === undefined ? {} : { payload: JSON.parse(edited) as unknown });
  const at = `/api/quarantine/${position}`;
  const attempt = () =>
    run(async () => {
      const { replay } = await act<Trial>("POST", `${at}/replay?dryRun=true`, body());
      const { outcome, touched } = replay;
      setWord(
        say("quarantine.wouldBe", { outcome: say(`outcome.${outcome}` as Key), touched: touched.join(", ") || "–" }),
      );
    });
  const replay = () =>
    run(async () => {
      await act("POST", `${at}/replay`, body());
      onDone();
    });
  const discard = () =>
    run(async () => {
      await act("POST", `${at}/discard`, { reason: why });
      onDone();
    });
  if (data === undefined) return null;
  const isOpen = data.event.state === "open";
  return (
    <div class="mend">
      <label>
        {say("quarantine.body")}
        <textarea
          dir="ltr"
          rows={10}
          spellcheck={false}
          value={text}
          readOnly={!isOpen}
          onInput={(event) => setEdited(event.currentTarget.value)}
        />
      </label>
      {word !== undefined && <p role="status">{word}</p>}
      {failed === "notJson" ? (
        <p class="wrong" role="alert">
          {say("quarantine.notJson")}
        </p>
      ) : (
        <Wrong problem={failed} />
      )}
      {isOpen && (
        <div class="find">
          <button type="button" onClick={attempt}>
            {say("quarantine.try")}
          </button>
          <button type="button" class="main" onClick={replay}>
            {say("quarantine.send")}
          </button>
          <input
            aria-label={say("quarantine.why")}
            placeholder={say("quarantine.why")}
            value={why}
            maxLength={200}
            onInput={(event) => setWhy(event.currentTarget.value)}
          />
          <Twice name={say("quarantine.discard")} disabled={why.trim() === ""} onClick={discard} />
        </div>
      )}
    </div>
  );
}

function pretty(payload: string | null | undefined): string {
  try {
    return JSON.stringify(JSON.parse(payload ?? ""), null, 2);
  } catch {
    return payload ?? "";
  }
}
