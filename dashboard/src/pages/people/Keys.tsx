import { useState } from "preact/hooks";
import { Once } from "../../parts/Once";
import { Panel } from "../../parts/Panel";
import { Table } from "../../parts/Table";
import { Wrong } from "../../parts/Told";
import { Twice } from "../../parts/Twice";
import { useFormats, useSay } from "../../parts/use";
import type { Problem } from "../../state/api";
import { act, useAsked } from "../../state/asked";

interface Key {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

/** What a key may do; those of single kinds of events are left to the API. */
const SCOPES = ["metrics:read", "push:subscribe", "events:write", "metrics:scrape"] as const;
const DAYS = 90;

/** Keys of programs: made, shown once, revoked. */
export function Keys() {
  const say = useSay();
  const formats = useFormats();
  const listed = useAsked<{ keys: readonly Key[] }>("/api/keys");
  const [isNew, setNew] = useState(false);
  const [made, setMade] = useState<string>();
  const [failed, setFailed] = useState<Problem>();
  const make = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const body = {
      name: String(data.get("name")),
      scopes: data.getAll("scope").map(String),
      expiresInDays: Number(data.get("days")),
    };
    setFailed(undefined);
    act<{ key: string }>("POST", "/api/keys", body).then(({ key }) => {
      setMade(key);
      setNew(false);
      listed.again();
    }, setFailed);
  };
  return (
    <Panel
      title={say("people.keys")}
      figures={listed}
      size="full"
      rows={4}
      tools={
        <button type="button" aria-expanded={isNew} onClick={() => setNew(!isNew)}>
          {say("people.newKey")}
        </button>
      }
    >
      {() => (
        <>
          {made !== undefined && <Once about={say("people.once")} secret={made} />}
          {isNew && (
            <form class="make" onSubmit={make}>
              <label>
                {say("people.name")}
                <input name="name" maxLength={64} required />
              </label>
              <label>
                {say("people.days")}
                <input name="days" type="number" min={1} max={3_650} defaultValue={DAYS} required />
              </label>
              <fieldset>
                <legend>{say("people.scopes")}</legend>
                {SCOPES.map((scope) => (
                  <label key={scope} dir="ltr">
                    <input type="checkbox" name="scope" value={scope} defaultChecked={scope === "metrics:read"} />
                    {scope}
                  </label>
                ))}
              </fieldset>
              <button type="submit" class="main">
                {say("people.make")}
              </button>
            </form>
          )}
          <Wrong problem={failed} />
          <Table
            name={say("people.keys")}
            rows={listed.data?.keys ?? []}
            id={(it) => it.id}
            columns={[
              { title: say("people.name"), cell: (it) => it.name },
              { title: say("people.scopes"), isCode: true, cell: (it) => it.scopes.join(", ") },
              { title: say("people.lastUsed"), cell: (it) => (it.lastUsedAt === null ? "–" : formats.instant(it.lastUsedAt)) },
              {
                title: say("people.expires"),
                cell: (it) => (it.expiresAt === null ? say("people.never") : formats.day(it.expiresAt.slice(0, 10))),
              },
              {
                isNumber: true,
                cell: (it) => (
                  <Twice
                    name={say("people.revoke")}
                    onClick={() => void act("DELETE", `/api/keys/${it.id}`).then(listed.again, setFailed)}
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
