import { useEffect } from "preact/hooks";
import { type Page, PAGES, UNEXPLAINED } from "./address/address";
import { address, link } from "./address/navigation";
import { Bar } from "./Bar";
import { Explain } from "./parts/explain/Explain";
import { Guard } from "./parts/Guard";
import { News } from "./parts/News";
import { useFormats, useSay } from "./parts/use";
import { Alerts } from "./pages/alerts/Alerts";
import { Behaviour } from "./pages/behaviour/Behaviour";
import { Customers } from "./pages/customers/Customers";
import { Orders } from "./pages/orders/Orders";
import { Overview } from "./pages/overview/Overview";
import { People } from "./pages/people/People";
import { Products } from "./pages/products/Products";
import { Systems } from "./pages/systems/Systems";
import { alerts, unseen } from "./state/alerts";
import { session, signOut } from "./state/session";
import { type Taste, shop, taste } from "./state/shop";
import { useStore } from "./state/store";
import { LANGUAGES, type Language } from "./words/words";

const BODIES: Readonly<Record<Page, () => preact.JSX.Element>> = {
  overview: Overview,
  products: Products,
  customers: Customers,
  orders: Orders,
  behaviour: Behaviour,
  alerts: Alerts,
  systems: Systems,
  people: People,
};

/** Pages that only an admin has. */
const OF_ADMINS: ReadonlySet<Page> = new Set<Page>(["systems", "people"]);
/** Pages whose figures have no range. */
const WITHOUT_BAR: ReadonlySet<Page> = new Set<Page>(["alerts", ...OF_ADMINS]);

/** What is around every page: the way to the others, the account, and the bar. */
export function Shell() {
  const say = useSay();
  const page = useStore(address, (it) => it.page);
  const explain = useStore(address, (it) => it.explain);
  const isAdmin = useStore(session, (it) => it.user?.role === "admin");
  const isDemo = useStore(shop, (it) => it.shop?.demo != null);
  const shown = PAGES.filter((it) => isAdmin || !OF_ADMINS.has(it));
  useEffect(() => {
    document.title = `${say(`page.${page}`)} · ${say("app.name")}`;
    // Where there is little room the way to the pages scrolls, and shows the one that is open.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [say, page]);
  const Body = shown.includes(page) ? BODIES[page] : Refused;
  return (
    <>
      <a class="skip" href="#main">
        {say("app.skip")}
      </a>
      <header class="top">
        <a class="brand" href={link({ page: "overview", id: undefined })} data-go="">
          <span class="mark" aria-hidden="true" />
          <span class="text">{say("app.name")}</span>
        </a>
        {isDemo && (
          <span class="tag" title={say("app.demo")}>
            {say("panel.generated")}
            <span class="hidden">: {say("app.demo")}</span>
          </span>
        )}
        <nav aria-label={say("app.name")}>
          {shown.map((it) => (
            <a
              key={it}
              href={link({ page: it, id: undefined, search: "", sort: undefined, ...UNEXPLAINED })}
              aria-current={it === page ? "page" : undefined}
              data-go=""
            >
              {say(`page.${it}`)}
              {it === "alerts" && <Unseen />}
            </a>
          ))}
        </nav>
        <Account />
      </header>
      {!WITHOUT_BAR.has(page) && <Bar />}
      <main id="main" class={`page ${page}`} tabIndex={-1}>
        <h1 class="hidden">{say(`page.${page}`)}</h1>
        <Guard key={page}>
          <Body />
        </Guard>
      </main>
      <News />
      {explain !== undefined && <Explain figure={explain} />}
    </>
  );
}

/** How many alerts came since the person looked. */
function Unseen() {
  const say = useSay();
  const formats = useFormats();
  const count = useStore(alerts, unseen);
  if (count === 0) return null;
  return (
    <span class="badge" title={say("alert.unseen", { n: formats.number(count) })}>
      {formats.number(count)}
      <span class="hidden">, {say("alert.unseen", { n: formats.number(count) })}</span>
    </span>
  );
}

function Refused() {
  const say = useSay();
  return <p class="notice">{say("problem.403")}</p>;
}

function Account() {
  const say = useSay();
  const user = useStore(session, (it) => it.user);
  const { language, theme } = useStore(taste, (it) => it);
  const role = user?.role ?? "viewer";
  return (
    <details class="menu">
      <summary aria-label={say("app.menu")}>
        <span class="initial" aria-hidden="true">
          {user?.email.slice(0, 1).toUpperCase()}
        </span>
      </summary>
      <div class="sheet">
        <p dir="ltr">
          {user?.email}
          <span class="tag">{say(`role.${role}`)}</span>
        </p>
        <label>
          {say("app.language")}
          <select value={language} onChange={(event) => taste.set({ language: event.currentTarget.value as Language })}>
            {Object.entries(LANGUAGES).map(([id, name]) => (
              <option key={id} value={id} lang={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {say("app.theme")}
          <select value={theme} onChange={(event) => taste.set({ theme: event.currentTarget.value as Taste["theme"] })}>
            {(["auto", "light", "dark"] as const).map((it) => (
              <option key={it} value={it}>
                {say(`app.theme.${it}`)}
              </option>
            ))}
          </select>
        </label>
        <a href="/docs">{say("app.docs")}</a>
        <button type="button" onClick={() => void signOut()}>
          {say("app.signOut")}
        </button>
      </div>
    </details>
  );
}
