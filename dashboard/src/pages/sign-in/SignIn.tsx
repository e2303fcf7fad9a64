import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Problem, ask, problemOf } from "../../state/api";
import { register, session, signIn } from "../../state/session";
import { shop } from "../../state/shop";
import { useStore } from "../../state/store";
import { Wrong } from "../../parts/Told";
import { useSay } from "../../parts/use";
import type { Key } from "../../words/words";

type What = "in" | "register" | "forgot" | "new";

interface Props {
  /** The token of a link to set a new password. */
  readonly token?: string;
  readonly onDone?: () => void;
}

/** The way in: sign in, make an account, ask for a new password, set it. */
export function SignIn({ token, onDone }: Props) {
  const say = useSay();
  const [what, setWhat] = useState<What>(token === undefined ? "in" : "new");
  const [word, setWord] = useState<string>();
  const known = useStore(shop, (it) => it.shop);
  const ended = useStore(session, (it) => it.ended);
  const turn = (to: What, saying?: string) => {
    setWhat(to);
    setWord(saying);
  };
  const to = (there: What, key: Key) => (
    <button type="button" class="link" onClick={() => turn(there)}>
      {say(key)}
    </button>
  );
  const said = word ?? (ended && what === "in" ? say("in.ended") : undefined);
  return (
    <main class="door">
      <div class="card">
        <p class="brand">
          <span class="mark" aria-hidden="true" /> {say("app.name")}
        </p>
        {said !== undefined && (
          <p class="word" role="status">
            {said}
          </p>
        )}
        {what === "in" && (
          <Form
            key="in"
            title={say("in.title")}
            submit={say("in.submit")}
            fields={["email", "password"]}
            onSubmit={({ email, password }) => signIn(email, password)}
          >
            <nav class="ways">
              {to("forgot", "in.forgot")}
              {known?.registration === true && to("register", "in.register")}
            </nav>
          </Form>
        )}
        {what === "register" && (
          <Form
            key="register"
            title={say("in.registerTitle")}
            submit={say("in.registerSubmit")}
            fields={["email", "newPassword"]}
            onSubmit={({ email, newPassword }) => register(email, newPassword)}
          >
            <nav class="ways">{to("in", "in.haveAccount")}</nav>
          </Form>
        )}
        {what === "forgot" &&
          (known?.mail === true ? (
            <Form
              key="forgot"
              title={say("in.forgotTitle")}
              about={say("in.forgotAbout")}
              submit={say("in.forgotSubmit")}
              fields={["email"]}
              onSubmit={async ({ email }) => {
                await ask("/api/auth/password/forgot", { method: "POST", body: { email } });
                turn("in", say("in.forgotSent"));
              }}
            >
              <nav class="ways">{to("in", "in.back")}</nav>
            </Form>
          ) : (
            <>
              <h1>{say("in.forgotTitle")}</h1>
              <p>{say("in.noMail")}</p>
              <nav class="ways">{to("in", "in.back")}</nav>
            </>
          ))}
        {what === "new" && (
          <Form
            key="new"
            title={say("in.newTitle")}
            submit={say("in.newSubmit")}
            fields={["newPassword"]}
            onSubmit={async ({ newPassword }) => {
              await ask("/api/auth/password/reset", { method: "POST", body: { token, password: newPassword } });
              turn("in", say("in.newDone"));
              onDone?.();
            }}
          />
        )}
        {what === "in" && known?.demo != null && (
          <div class="demo">
            <p>{say("in.demo")}</p>
            <div>
              {known.demo.map(({ email, password, role }) => (
                <Enter key={email} name={say(`role.${role}` as Key)} enter={() => signIn(email, password)} />
              ))}
            </div>
          </div>
        )}
      </div>
    </main>
  );
}

function Enter({ name, enter }: { readonly name: string; readonly enter: () => Promise<void> }) {
  const [isBusy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Problem>();
  const click = () => {
    setBusy(true);
    enter().catch((error: unknown) => {
      setBusy(false);
      setFailed(problemOf(error));
    });
  };
  return (
    <>
      <button type="button" disabled={isBusy} onClick={click}>
        {name}
      </button>
      <Wrong problem={failed} />
    </>
  );
}

type Field = "email" | "password" | "newPassword";

interface FormProps {
  readonly title: string;
  readonly about?: string;
  readonly submit: string;
  readonly fields: readonly Field[];
  readonly onSubmit: (values: Record<Field, string>) => Promise<void>;
  readonly children?: ComponentChildren;
}

function Form({ title, about, submit, fields, onSubmit, children }: FormProps) {
  const say = useSay();
  const [isBusy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Problem>();
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const values = Object.fromEntries(fields.map((name) => [name, String(data.get(name) ?? "")]));
    setBusy(true);
    setFailed(undefined);
    onSubmit(values as Record<Field, string>)
      .catch((error: unknown) => setFailed(problemOf(error)))
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={send}>
      <h1>{title}</h1>
      {about !== undefined && <p class="quiet">{about}</p>}
      {fields.map((name, at) => (
        <label key={name}>
          {say(`in.${name}`)}
          {name === "email" ? (
            <input name={name} type="email" autocomplete="username" autofocus={at === 0} dir="ltr" required />
          ) : (
            <input
              name={name}
              type="password"
              autocomplete={name === "password" ? "current-password" : "new-password"}
              autofocus={at === 0}
              dir="ltr"
              required
            />
          )}
        </label>
      ))}
      <Wrong problem={failed} />
      <button type="submit" class="main" disabled={isBusy}>
        {submit}
      </button>
      {children}
    </form>
  );
}
