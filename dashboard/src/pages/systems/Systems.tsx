import { type Asked, act, useAsked } from "../../state/asked";
import type { Problem } from "../../state/api";
import { useState } from "preact/hooks";
import { Facts } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
import { Detail, Wrong } from "../../parts/Told";
import { Twice } from "../../parts/Twice";
import { useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Key } from "../../words/words";
import { Health } from "./Health";
import { Quarantine } from "./Quarantine";

interface Generation {
  readonly generation: number;
  readonly state: string;
  readonly live: boolean;
  readonly position: number;
  readonly lag: { readonly events: number } | null;
  readonly rate: number | null;
  readonly events: Readonly<Record<string, number>> | null;
}

interface Projections {
  readonly log: { readonly first: number; readonly last: number; readonly bytes: number; readonly maxBytes: number };
  readonly projector: {
    readonly state: string;
    readonly halted: { readonly reason: string; readonly message: string } | null;
  };
  readonly generations: readonly Generation[];
  readonly work: { readonly position?: number; readonly target?: number; readonly secondsLeft?: number } | null;
}

/** How often the state of the service is asked for, in milliseconds. */
const EVERY = 2_000;

/** How the service is: the fold, its generations, and what could not be understood. */
export function Systems() {
  useViews([]);
  const say = useSay();
  const formats = useFormats();
  const projections = useAsked<Projections>("/api/projections", EVERY);
  const { data } = projections;
  const number = (value: number | null | undefined) => (value == null ? "–" : formats.number(Math.round(value * 10) / 10));
  const live = data?.generations.find((it) => it.live);
  return (
    <div class="grid">
      <Panel title={say("systems.fold")} figures={projections} size="full" rows={3}>
        {() =>
          data !== undefined && (
            <>
              <Facts
                facts={[
                  [say("systems.state"), say(`state.${data.projector.state}` as Key)],
                  [say("systems.position"), number(live?.position)],
                  [say("systems.lag"), number(live?.lag?.events)],
                  [say("systems.rate"), number(live?.rate)],
                  [say("systems.log"), formats.number(data.log.last)],
                  [say("systems.full"), formats.percent(data.log.bytes / data.log.maxBytes)],
                  [say("systems.quarantined"), number(live?.events?.quarantined)],
                ]}
              />
              {data.projector.halted !== null && (
                <div class="wrong" role="status">
                  <p>{say("systems.halted")}</p>
                  <Detail text={data.projector.halted.message} />
                </div>
              )}
            </>
          )
        }
      </Panel>
      <Health />
      <Generations projections={projections} />
      <Quarantine />
    </div>
  );
}

function Generations({ projections }: { readonly projections: Asked<Projections> }) {
  const say = useSay();
  const formats = useFormats();
  const [failed, setFailed] = useState<Problem>();
  const { data, again } = projections;
  const number = (value: number | undefined) => (value === undefined ? "–" : formats.number(value));
  const run = (done: Promise<unknown>) => {
    setFailed(undefined);
    done.then(again, setFailed);
  };
  const work = data?.work ?? undefined;
  return (
    <Panel
      title={say("systems.generations")}
      about={say("systems.generationsAbout")}
      figures={projections}
      size="full"
      rows={3}
      tools={
        work === undefined ? (
          <button type="button" onClick={() => run(act("POST", "/api/projections/rebuild"))}>
            {say("systems.rebuild")}
          </button>
        ) : (
          <button type="button" onClick={() => run(act("DELETE", "/api/projections/rebuild"))}>
            {say("systems.cancel")}
          </button>
        )
      }
    >
      {() => (
        <>
          <Wrong problem={failed} />
          {work?.target !== undefined && work.position !== undefined && (
            <progress max={work.target} value={work.position} aria-label={say("systems.rebuild")} />
          )}
          <Table
            name={say("systems.generations")}
            rows={data?.generations ?? []}
            id={(it) => it.generation}
            columns={[
              { title: say("systems.generation"), cell: (it) => formats.number(it.generation) },
              { title: say("systems.state"), cell: (it) => say(`generation.${it.state}` as Key) },
              { title: say("systems.position"), isNumber: true, cell: (it) => formats.number(it.position) },
              { title: say("systems.lag"), isNumber: true, cell: (it) => number(it.lag?.events) },
              { title: say("systems.applied"), isNumber: true, cell: (it) => number(it.events?.applied) },
              { title: say("systems.quarantined"), isNumber: true, cell: (it) => number(it.events?.quarantined) },
              {
                isNumber: true,
                cell: (it) =>
                  !it.live &&
                  (it.state === "ready" || it.state === "kept") && (
                    <Twice
                      name={say("systems.switch")}
                      onClick={() => run(act("POST", "/api/projections/switch", { generation: it.generation }))}
                    />
                  ),
              },
            ]}
          />
        </>
      )}
    </Panel>
  );
}
