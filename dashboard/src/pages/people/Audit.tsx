import { useState } from "preact/hooks";
import { path } from "../../address/views";
import { Panel } from "../../parts/Panel";
import { useFormats, useSay } from "../../parts/use";
import { useAsked } from "../../state/asked";

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly event: string;
  readonly outcome: string;
  readonly who: string | null;
  readonly target: string | null;
  readonly address: string | null;
}

interface Listed {
  readonly entries: readonly Entry[];
  readonly pagination: { readonly next: string | null };
}

/** What people and programs did, the newest first. */
export function Audit() {
  const say = useSay();
  const formats = useFormats();
  const [cursor, setCursor] = useState<string>();
  const listed = useAsked<Listed>(path("/api/audit", { limit: 20, cursor }));
  const people = useAsked<{ users: readonly { id: string; email: string }[] }>("/api/users?limit=100&isActive=all");
  const emails = new Map(people.data?.users.map((it) => [`user:${it.id}`, it.email]));
  const named = (who: string | null) => (who === null ? "–" : (emails.get(who) ?? who));
  const next = listed.data?.pagination.next ?? undefined;
  return (
    <Panel title={say("people.audit")} figures={{ ...listed, position: 0, receivedAt: 0 }} size="full">
      {() => (
        <>
          <div class="scroll" tabIndex={0} role="group" aria-label={say("people.audit")}>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">{say("people.when")}</th>
                  <th scope="col">{say("people.event")}</th>
                  <th scope="col">{say("people.outcome")}</th>
                  <th scope="col">{say("people.who")}</th>
                  <th scope="col">{say("people.target")}</th>
                  <th scope="col">{say("people.address")}</th>
                </tr>
              </thead>
              <tbody dir="ltr">
                {listed.data?.entries.map((it) => (
                  <tr key={it.id}>
                    <td>{formats.instant(it.at)}</td>
                    <td>{it.event}</td>
                    <td>{it.outcome}</td>
                    <td>{named(it.who)}</td>
                    <td>{named(it.target)}</td>
                    <td>{it.address ?? "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div class="pager">
            {cursor !== undefined && (
              <button type="button" onClick={() => setCursor(undefined)}>
                {say("list.first")}
              </button>
            )}
            {next !== undefined && (
              <button type="button" onClick={() => setCursor(next)}>
                {say("list.next")}
              </button>
            )}
          </div>
        </>
      )}
    </Panel>
  );
}
