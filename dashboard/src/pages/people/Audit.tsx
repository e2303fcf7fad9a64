import { useState } from "preact/hooks";
import { path } from "../../address/views";
import { Pager } from "../../parts/Pager";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
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
    <Panel title={say("people.audit")} figures={listed} size="full">
      {() => (
        <>
          <Table
            name={say("people.audit")}
            rows={listed.data?.entries ?? []}
            id={(it) => it.id}
            columns={[
              { title: say("people.when"), cell: (it) => formats.instant(it.at) },
              { title: say("people.event"), isCode: true, cell: (it) => it.event },
              { title: say("people.outcome"), isCode: true, cell: (it) => it.outcome },
              { title: say("people.who"), isCode: true, cell: (it) => named(it.who) },
              { title: say("people.target"), isCode: true, cell: (it) => named(it.target) },
              { title: say("people.address"), isCode: true, cell: (it) => it.address ?? "–" },
            ]}
          />
          <Pager
            onFirst={cursor === undefined ? undefined : () => setCursor(undefined)}
            onNext={next === undefined ? undefined : () => setCursor(next)}
          />
        </>
      )}
    </Panel>
  );
}
