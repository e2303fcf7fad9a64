import { useState } from "preact/hooks";
import { Pager } from "../../parts/Pager";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
import { Wrong } from "../../parts/Told";
import { Twice } from "../../parts/Twice";
import { useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Problem } from "../../state/api";
import { act, useAsked } from "../../state/asked";
import { ROLES, type User } from "../../state/session";
import { Audit } from "./Audit";
import { Keys } from "./Keys";

type Account = User & {
  readonly isActive: boolean;
  readonly lastLogin: string | null;
  readonly createdAt: string;
};

interface Listed {
  readonly users: readonly Account[];
  readonly pagination: { readonly current: number; readonly pages: number };
}

/** Who may come in: accounts, keys of programs, and what all of them did. */
export function People() {
  useViews([]);
  return (
    <div class="grid">
      <Accounts />
      <Keys />
      <Audit />
    </div>
  );
}

function Accounts() {
  const say = useSay();
  const formats = useFormats();
  const [page, setPage] = useState(1);
  const [failed, setFailed] = useState<Problem>();
  const [isNew, setNew] = useState(false);
  const listed = useAsked<Listed>(`/api/users?page=${page}&limit=20`);
  const { data, again } = listed;
  const run = (done: Promise<unknown>) => {
    setFailed(undefined);
    done.then(again, setFailed);
  };
  return (
    <Panel
      title={say("people.accounts")}
      figures={listed}
      size="full"
      tools={
        <button type="button" aria-expanded={isNew} onClick={() => setNew(!isNew)}>
          {say("people.newAccount")}
        </button>
      }
    >
      {() => (
        <>
          {isNew && (
            <NewAccount
              onMake={(body) =>
                run(
                  act("POST", "/api/users", body).then(() => {
                    setNew(false);
                  }),
                )
              }
            />
          )}
          <Wrong problem={failed} />
          <Table
            name={say("people.accounts")}
            rows={data?.users ?? []}
            id={(it) => it.id}
            row={(it) => (it.isActive ? "" : "quiet")}
            columns={[
              { title: say("in.email"), isCode: true, cell: (it) => it.email },
              { title: say("people.role"), cell: (it) => <Role account={it} onChange={(role) => run(act("PUT", `/api/users/${it.id}`, { role }))} /> },
              { title: say("people.lastLogin"), cell: (it) => (it.lastLogin === null ? "–" : formats.instant(it.lastLogin)) },
              { title: say("people.created"), isMinor: true, cell: (it) => formats.instant(it.createdAt) },
              {
                isNumber: true,
                cell: (it) =>
                  it.isActive ? (
                    <Twice name={say("people.deactivate")} onClick={() => run(act("DELETE", `/api/users/${it.id}`))} />
                  ) : (
                    <button type="button" onClick={() => run(act("POST", `/api/users/${it.id}/reactivate`))}>
                      {say("people.reactivate")}
                    </button>
                  ),
              },
            ]}
          />
          <Pager
            onFirst={page === 1 ? undefined : () => setPage(1)}
            onNext={page < (data?.pagination.pages ?? 1) ? () => setPage(page + 1) : undefined}
          />
        </>
      )}
    </Panel>
  );
}

function Role({ account, onChange }: { readonly account: Account; readonly onChange: (role: string) => void }) {
  const say = useSay();
  return (
    <select
      aria-label={`${say("people.role")} ${account.email}`}
      value={account.role}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {say(`role.${role}`)}
        </option>
      ))}
    </select>
  );
}

function NewAccount({ onMake }: { readonly onMake: (body: Record<string, string>) => void }) {
  const say = useSay();
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    onMake(Object.fromEntries([...data].map(([name, value]) => [name, String(value)])));
  };
  return (
    <form class="make" onSubmit={send}>
      <label>
        {say("in.email")}
        <input name="email" type="email" dir="ltr" required />
      </label>
      <label>
        {say("in.password")}
        <input name="password" type="password" autocomplete="new-password" dir="ltr" required />
      </label>
      <label>
        {say("people.role")}
        <select name="role" defaultValue="viewer">
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {say(`role.${role}`)}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="main">
        {say("people.make")}
      </button>
    </form>
  );
}
