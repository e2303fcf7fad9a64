import { useEffect, useState } from "preact/hooks";
import { go } from "./address/navigation";
import { SignIn } from "./pages/sign-in/SignIn";
import { Shell } from "./Shell";
import { Skeleton } from "./parts/Panel";
import { useSay } from "./parts/use";
import { board } from "./state/figures";
import { resume, session } from "./state/session";
import { learn, shop, taste } from "./state/shop";
import { useStore } from "./state/store";
import { RIGHT_TO_LEFT } from "./words/words";

/** The token of a link to set a new password, which stands behind the `#`. */
function resetToken(): string | undefined {
  return /^#reset-password=(.+)$/.exec(globalThis.location.hash)?.[1];
}

/** How often a service that does not answer is tried, in milliseconds. */
const AGAIN = 3_000;

export function App() {
  const say = useSay();
  const { language, theme } = useStore(taste, (it) => it);
  const is = useStore(session, (it) => it.is);
  const known = useStore(shop, (it) => it.shop);
  const [token, setToken] = useState(resetToken);
  const [isLost, setLost] = useState(false);
  const [tries, setTries] = useState(0);

  useEffect(() => {
    const { documentElement: page } = document;
    page.lang = language;
    page.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
    page.dataset.theme = theme;
  }, [language, theme]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    Promise.all([learn(), session.state.is === "unknown" ? resume() : undefined])
      .then(() => setLost(false))
      .catch(() => {
        setLost(true);
        timer = setTimeout(() => setTries((it) => it + 1), AGAIN);
      });
    return () => clearTimeout(timer);
  }, [tries]);

  useEffect(() => {
    if (is === "out") board.clear();
  }, [is]);

  useEffect(() => {
    const changed = () => setToken(resetToken());
    globalThis.addEventListener("hashchange", changed);
    return () => globalThis.removeEventListener("hashchange", changed);
  }, []);

  useEffect(() => {
    // Links of the page are addresses of it: they open here, and in another tab where that is asked.
    const clicked = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-go]") : null;
      if (link === null || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      go.to(link.search);
      globalThis.scrollTo(0, 0);
    };
    // A menu closes where somebody clicks beside it, or leaves it by Escape.
    const close = (kept: Element | null) => {
      for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
        if (menu !== kept) menu.open = false;
      }
    };
    const beside = ({ target }: Event) => close(target instanceof Element ? target.closest("details.menu") : null);
    const left = ({ key }: KeyboardEvent) => key === "Escape" && close(null);
    document.addEventListener("click", clicked);
    document.addEventListener("pointerdown", beside);
    document.addEventListener("keydown", left);
    return () => {
      document.removeEventListener("click", clicked);
      document.removeEventListener("pointerdown", beside);
      document.removeEventListener("keydown", left);
    };
  }, []);

  if (token !== undefined) {
    const done = () => {
      history.replaceState(null, "", globalThis.location.pathname + globalThis.location.search);
      setToken(undefined);
    };
    return <SignIn token={token} onDone={done} />;
  }
  if (isLost && (known === undefined || is === "unknown")) {
    return (
      <main class="door">
        <div class="card">
          <h1>{say("app.unreachable")}</h1>
          <button type="button" class="main" onClick={() => setTries((it) => it + 1)}>
            {say("app.retry")}
          </button>
        </div>
      </main>
    );
  }
  if (known === undefined || is === "unknown") {
    return (
      <main class="door">
        <Skeleton rows={3} />
      </main>
    );
  }
  return is === "in" ? <Shell /> : <SignIn />;
}
