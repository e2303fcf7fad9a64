import { type Asked, act, useAsked } from "../../state/asked";
import type { Problem } from "../../state/api";
import { useState } from "preact/hooks";
import { Facts } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { Twice } from "../../parts/Twice";
import { useFormats, useSay } from "../../parts/use";
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
  const say = useSay();
  const formats = useFormats();
  const projections = useAsked<Projections>("/api/projections", EVERY);
  const figures = { ...projections, position: 0, receivedAt: 0 };
  const { data } = projections;
  const number = (value: number | null | undefined) => (value == null ? "–" : formats.number(Math.round(value * 10) / 10));
  const live = data?.generations.find((it) => it.live);
  return (
    <div class="grid">
      <Panel title={say("systems.fold")} figures={figures} size="full" rows={3}>
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
              {data.projector.halted !== null && <p class="wrong">{data.projector.halted.message}</p>}
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
  const figures = { ...projections, position: 0, receivedAt: 0 };
  const run = (done: Promise<unknown>) => {
    setFailed(undefined);
    done.then(again, (error: Problem) => setFailed(error));
  };
  const work = data?.work ?? undefined;
  return (
    <Panel
      title={say("systems.generations")}
      about={say("systems.generationsAbout")}
      figures={figures}
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
          {failed !== undefined && (
            <p class="wrong" role="alert">
              {failed.message}
            </p>
          )}
          {work?.target !== undefined && work.position !== undefined && (
            <progress max={work.target} value={work.position} aria-label={say("systems.rebuild")} />
          )}
          <div class="scroll" tabIndex={0} role="group" aria-label={say("systems.generations")}>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">{say("systems.generation")}</th>
                  <th scope="col">{say("systems.state")}</th>
                  <th scope="col" class="n">
                    {say("systems.position")}
                  </th>
                  <th scope="col" class="n">
                    {say("systems.lag")}
                  </th>
                  <th scope="col" class="n">
                    {say("systems.applied")}
                  </th>
                  <th scope="col" class="n">
                    {say("systems.quarantined")}
                  </th>
                  <th scope="col" />
                </tr>
              </thead>
              <tbody>
                {data?.generations.map((it) => (
                  <tr key={it.generation}>
                    <td>{formats.number(it.generation)}</td>
                    <td>{say(`generation.${it.state}` as Key)}</td>
                    <td class="n">{formats.number(it.position)}</td>
                    <td class="n">{number(it.lag?.events)}</td>
                    <td class="n">{number(it.events?.applied)}</td>
                    <td class="n">{number(it.events?.quarantined)}</td>
                    <td class="n">
                      {!it.live && (it.state === "ready" || it.state === "kept") && (
                        <Twice
                          name={say("systems.switch")}
                          onClick={() => run(act("POST", "/api/projections/switch", { generation: it.generation }))}
                        />
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Panel>
  );
}
