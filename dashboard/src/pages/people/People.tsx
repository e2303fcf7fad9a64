import { useState } from "preact/hooks";
import { Panel } from "../../parts/Panel";
import { Twice } from "../../parts/Twice";
import { useFormats, useSay } from "../../parts/use";
import type { Problem } from "../../state/api";
import { act, useAsked } from "../../state/asked";
import type { User } from "../../state/session";
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

const ROLES = ["admin", "manager", "analyst", "viewer"] as const;

/** Who may come in: accounts, keys of programs, and what all of them did. */
export function People() {
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
  const [failed, setFailed] = useState<string>();
  const [isNew, setNew] = useState(false);
  const listed = useAsked<Listed>(`/api/users?page=${page}&limit=20`);
  const { data, again } = listed;
  const run = (done: Promise<unknown>) => {
    setFailed(undefined);
    done.then(again, (error: Problem) => setFailed(error.fields?.[0]?.message ?? error.message));
  };
  return (
    <Panel
      title={say("people.accounts")}
      figures={{ ...listed, position: 0, receivedAt: 0 }}
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
          {failed !== undefined && (
            <p class="wrong" role="alert">
              {failed}
            </p>
          )}
          <div class="scroll" tabIndex={0} role="group" aria-label={say("people.accounts")}>
            <table class="rows">
              <thead>
                <tr>
                  <th scope="col">{say("in.email")}</th>
                  <th scope="col">{say("people.role")}</th>
                  <th scope="col">{say("people.lastLogin")}</th>
                  <th scope="col">{say("people.created")}</th>
                  <th scope="col" />
                </tr>
              </thead>
              <tbody>
                {data?.users.map((it) => (
                  <tr key={it.id} class={it.isActive ? "" : "quiet"}>
                    <td dir="ltr">{it.email}</td>
                    <td>
                      <select
                        aria-label={`${say("people.role")} ${it.email}`}
                        value={it.role}
                        onChange={(event) =>
                          run(act("PUT", `/api/users/${it.id}`, { role: event.currentTarget.value }))
                        }
                      >
                        {ROLES.map((role) => (
                          <option key={role} value={role}>
                            {say(`role.${role}`)}
                          </option>
                        ))}
                      </select>
                    </td>
                    <td>{it.lastLogin === null ? "–" : formats.instant(it.lastLogin)}</td>
                    <td>{formats.instant(it.createdAt)}</td>
                    <td class="n">
                      {it.isActive ? (
                        <Twice
                          name={say("people.deactivate")}
                          onClick={() => run(act("DELETE", `/api/users/${it.id}`))}
                        />
                      ) : (
                        <button type="button" onClick={() => run(act("POST", `/api/users/${it.id}/reactivate`))}>
                          {say("people.reactivate")}
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {(data?.pagination.pages ?? 1) > 1 && (
            <div class="pager">
              {page > 1 && (
                <button type="button" onClick={() => setPage(1)}>
                  {say("list.first")}
                </button>
              )}
              {page < (data?.pagination.pages ?? 1) && (
                <button type="button" onClick={() => setPage(page + 1)}>
                  {say("list.next")}
                </button>
              )}
            </div>
          )}
        </>
      )}
    </Panel>
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
