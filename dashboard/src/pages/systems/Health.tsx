import { Facts } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { useFormats, useSay } from "../../parts/use";
import { useAsked } from "../../state/asked";
import type { Key } from "../../words/words";

interface Detailed {
  readonly uptime: number;
  readonly services: {
    readonly database: { readonly status: string };
    readonly nats: { readonly status: string };
    readonly system: { readonly memory: { readonly rss: number } };
  };
  readonly buildInfo: { readonly version: string };
  readonly size?: { readonly totalBytes: number };
}

/** How often it is asked for, in milliseconds. */
const EVERY = 5_000;

/** The servers that the program needs, and who is connected to it. */
export function Health() {
  const say = useSay();
  const formats = useFormats();
  const health = useAsked<Detailed>("/api/health/detailed", EVERY);
  const sessions = useAsked<{ data: { value: number } }>("/api/dashboard/widgets/active-sessions/data", EVERY);
  const it = health.data;
  const up = (status: string) => (
    <span class={status === "up" || status === "healthy" ? "good" : "bad"}>{say(`health.${status}` as Key)}</span>
  );
  return (
    <Panel title={say("systems.health")} figures={health} size="full" rows={2}>
      {() =>
        it !== undefined && (
          <Facts
            facts={[
              [say("systems.mongodb"), up(it.services.database.status)],
              [say("systems.nats"), up(it.services.nats.status)],
              [say("systems.connections"), sessions.data === undefined ? null : formats.number(sessions.data.data.value)],
              [say("systems.memory"), formats.bytes(it.services.system.memory.rss * 1e6)],
              [say("systems.data"), it.size === undefined ? null : formats.bytes(it.size.totalBytes)],
              [say("systems.uptime"), formats.span(it.uptime * 1_000)],
              [say("systems.version"), it.buildInfo.version],
            ]}
          />
        )
      }
    </Panel>
  );
}
