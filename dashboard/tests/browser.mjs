// The page in a browser, against the real program with the year of a real shop:
//   node tests/browser.mjs    (or: npm run test:browser)

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { browser, demo, wire } from "./service.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ZONE = "Europe/London";
/** Days of which the year has sales, three of them, so that the chart is by day. */
const DAY = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10);
const DAY_AFTER = new Date(Date.now() - 37 * 86_400_000).toISOString().slice(0, 10);
const money = (value) => value.toLocaleString("en-GB", { style: "currency", currency: "GBP" });
const number = (value) => value.toLocaleString("en-GB");

const service = await demo("--still");
const line = await wire(service.port);
const chrome = await browser();
/** Errors that the page wrote, but for those of a line that was cut. */
let errors = [];

async function open({ viewport = { width: 1440, height: 900 }, taste = {}, query = "", url = service.url } = {}) {
  const context = await chrome.newContext({ viewport, locale: "en-GB", timezoneId: ZONE, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript((it) => {
    localStorage.getItem("adaptive-bi.taste") ?? localStorage.setItem("adaptive-bi.taste", it);
  }, JSON.stringify(taste));
  await page.goto(url + query);
  return page;
}

const enter = (page, role) => page.locator(".demo").getByRole("button", { name: role, exact: true }).click();
const card = (page, name) => page.locator(".card", { has: page.getByRole("heading", { name, exact: true }) }).locator(".value");
const panel = (page, name) => page.locator(".panel", { has: page.getByRole("heading", { name, exact: true }) });

async function shows(locator, text) {
  await locator.filter({ hasText: text }).first().waitFor({ timeout: 20_000 });
}

/** Serious findings, and how far the page is wider than the window. */
async function sound(page, what) {
  // Axe is put in by the debugger, which the page's policy does not stand in the way of.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((it) => it.impact === "serious" || it.impact === "critical");
  const told = serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join("\n")}`);
  assert.deepEqual(told, [], what);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${what}: ${wider} px wider than the window`);
}

const tests = {
  async "signs in with an account, and says so where it cannot"() {
    const page = await open();
    await page.getByLabel("E-mail").fill("viewer@demo.example");
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await sound(page, "the way in");
    // The browser writes a line of its own for the 401.
    errors = errors.filter((it) => !it.includes("401"));
    await page.getByLabel("Password").fill(service.credentials.viewer.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await card(page, "Net sales").waitFor();
    await page.reload();
    await card(page, "Net sales").waitFor();
    await page.getByLabel("Account").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  },

  async "makes an account, once its password is strong enough"() {
    const page = await open();
    await page.getByRole("button", { name: "Make an account" }).click();
    await page.getByLabel("E-mail").fill("newcomer@shop.example");
    await page.getByLabel("New password").fill("password");
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.getByRole("alert").waitFor();
    errors = errors.filter((it) => !it.includes("400"));
    await page.getByLabel("New password").fill("seven lamps of 1849");
    await page.getByRole("button", { name: "Make the account" }).click();
    await card(page, "Net sales").waitFor();
    assert.equal(await page.getByRole("link", { name: "Systems" }).count(), 0);
  },

  async "shows the totals of the year"() {
    const page = await open({ query: "?range=all" });
    await enter(page, "Viewer");
    // As data/README.md has them.
    await shows(card(page, "Net sales"), "£9,769,872.05");
    await shows(card(page, "Orders"), "19,960");
    await shows(card(page, "Average order"), "£489.47");
    const { uniqueCustomers } = await service.figures("/api/metrics/sales?startDate=2000-01-01");
    await shows(card(page, "Customers"), number(uniqueCustomers));
    await shows(card(page, "Returns"), "£896,812.49");
    const { byCountry } = await service.figures("/api/metrics/revenue?startDate=2000-01-01");
    await shows(panel(page, "By country").locator("li").first(), byCountry[0]._id);
    await shows(panel(page, "By country").locator("li").first(), money(byCountry[0].revenue));
    await shows(panel(page, "From visit to order"), "No visits in this range");
    await sound(page, "overview of all time");
  },

  async "changes range, zone, comparison and filter; back goes back"() {
    const page = await open();
    await enter(page, "Viewer");
    const today = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(new Date());
    const day = (ago) => new Date(Date.parse(today) - ago * 86_400_000).toISOString().slice(0, 10);
    const sales = (from, more = "") =>
      service.figures(`/api/metrics/sales?startDate=${from}&endDate=${today}&tz=${encodeURIComponent(ZONE)}${more}`);
    await shows(card(page, "Net sales"), money((await sales(day(29))).totalRevenue));

    await page.getByRole("button", { name: "90 days" }).click();
    const ninety = await sales(day(89), "&compare=previous");
    await shows(card(page, "Net sales"), money(ninety.totalRevenue));
    const before = page.locator(".card").first().locator(".change");
    await shows(before, `${money(ninety.comparison.totalRevenue)} before`);

    await page.getByLabel("Compare with").selectOption("none");
    await before.filter({ hasText: "before" }).waitFor({ state: "detached" });

    await panel(page, "By country").getByRole("button", { name: "Germany" }).click();
    const german = await sales(day(89), "&country=Germany");
    await shows(card(page, "Net sales"), money(german.totalRevenue));
    await page.getByRole("button", { name: "Remove the filter Germany" }).waitFor();
    assert.match(page.url(), /range=90d&compare=none&country=Germany/);

    await page.getByLabel("Time zone").focus();
    await page.getByLabel("Time zone").selectOption("Asia/Tokyo");
    const there = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Tokyo" }).format(new Date());
    const first = new Date(Date.parse(there) - 89 * 86_400_000).toISOString().slice(0, 10);
    const tokyo = `/api/metrics/sales?startDate=${first}&endDate=${there}&tz=Asia/Tokyo&country=Germany`;
    await shows(card(page, "Orders"), number((await service.figures(tokyo)).totalOrders));

    await page.goBack();
    await shows(card(page, "Net sales"), money(german.totalRevenue));
    await page.goBack();
    await shows(card(page, "Net sales"), money(ninety.totalRevenue));
    await page.goForward();
    await shows(card(page, "Net sales"), money(german.totalRevenue));
    await page.reload();
    await shows(card(page, "Net sales"), money(german.totalRevenue));
  },

  async "a card changes when an event is published"() {
    const page = await open({ query: "?range=today" });
    await enter(page, "Viewer");
    await page.locator(".dot.open").waitFor({ state: "attached" });
    const before = await service.figures(`/api/metrics/sales?startDate=${new Date().toISOString().slice(0, 10)}`);
    const position = await sell("browser-1", 1_234.56);
    await page.locator(`[data-position="${position}"]`).waitFor();
    await shows(card(page, "Net sales"), money(before.totalRevenue + 1_234.56));
  },

  async "loses the connection and finds it again without a reload"() {
    const page = await open({ query: "?range=today", url: line.url });
    await enter(page, "Viewer");
    await page.locator(".dot.open").waitFor({ state: "attached" });
    line.cut();
    await page.getByText("Connection lost").waitFor();
    const position = await sell("browser-2", 10);
    line.mend();
    await page.locator(".dot.open").waitFor({ state: "attached" });
    await page.locator(`[data-position="${position}"]`).waitFor();
    errors = errors.filter((it) => !/Failed to load resource|WebSocket connection|ERR_/.test(it));
    await page.context().close();
  },

  async "explains a figure down to an order"() {
    const page = await open({ query: "?range=all" });
    await enter(page, "Viewer");
    await card(page, "Net sales").click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("[data-explained]").waitFor();
    await shows(dialog, await card(page, "Net sales").innerText());
    await sound(page, "explain");
    // A day of the chart, which is a part of it.
    await page.goto(`${service.url}/?range=custom&from=${DAY}&to=${DAY_AFTER}&zone=UTC`);
    await page.getByRole("img", { name: /Sales over time/ }).locator(".u-over").click({ position: { x: 2, y: 100 } });
    const { totalRevenue } = await service.figures(`/api/metrics/sales?startDate=${DAY}&endDate=${DAY}`);
    await shows(dialog.locator("[data-explained]"), money(totalRevenue));
    const order = dialog.getByRole("link").first();
    const id = await order.innerText();
    await order.click();
    await page.getByRole("heading", { name: id }).waitFor();
    await page.getByRole("heading", { name: "History" }).waitFor();
    await sound(page, "an order");
  },

  async "lists products, finds one, and shows it"() {
    const page = await open({ query: "?page=products&range=all" });
    await enter(page, "Viewer");
    await page.getByRole("link", { name: "REGENCY CAKESTAND 3 TIER" }).waitFor();
    await sound(page, "products");
    await page.getByLabel("Search").fill("lantern");
    await page.getByRole("link", { name: /LANTERN/ }).first().click();
    await page.getByRole("heading", { name: /LANTERN/ }).waitFor();
    await page.getByRole("img", { name: /Sales over time/ }).waitFor();
    await sound(page, "a product");
  },

  async "shows an admin's pages to admins alone"() {
    const page = await open({ query: "?page=systems" });
    await enter(page, "Viewer");
    await page.getByText("You may not see this").waitFor();
    assert.equal(await page.getByRole("link", { name: "Systems" }).count(), 0);
    await page.getByLabel("Account").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await enter(page, "Admin");
    await panel(page, "Generations").getByRole("cell", { name: "Shown" }).waitFor();
    await sound(page, "systems");
    await page.getByRole("link", { name: "People and keys" }).click();
    await panel(page, "API keys").getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name").fill("till");
    await page.getByRole("button", { name: "Make", exact: true }).click();
    const key = await panel(page, "API keys").locator("code").innerText();
    const answer = await fetch(`${service.url}/api/metrics/sales`, { headers: { "x-api-key": key } });
    assert.equal(answer.status, 200);
    await sound(page, "people");
    await page.getByRole("link", { name: "Behaviour" }).click();
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    await sound(page, "behaviour");
  },

  async "mends an event that was not understood, and sends it again"() {
    const transactionDate = new Date().toISOString();
    const sale = { transactionId: "mended-1", userId: "ann", totalPrice: 77, transactionDate, currency: "USD" };
    const position = await service.publish("transaction", sale);
    const page = await open({ query: "?page=systems" });
    await enter(page, "Admin");
    const row = page.getByRole("row", { name: number(position) });
    await row.getByRole("button", { name: "Look" }).click();
    const body = page.getByLabel("Body");
    await body.waitFor();
    await body.fill(JSON.stringify({ ...sale, currency: "GBP" }));
    await page.getByRole("button", { name: "Try" }).click();
    await shows(page.getByRole("status"), "It would be: counted");
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByText("Every event was understood").waitFor();
    await page.getByLabel("State").selectOption("replayed");
    await row.waitFor();
    await sound(page, "quarantine");
  },

  async "sets a new password by the link"() {
    const link = await service.run("admin", "reset-link", "--email", "viewer@demo.example");
    const page = await open({ query: `/${link.slice(link.indexOf("#"))}` });
    await page.getByLabel("New password").fill("nine kettles of 1871");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByText("The password is set").waitFor();
    await page.getByLabel("E-mail").fill("viewer@demo.example");
    await page.getByLabel("Password").fill("nine kettles of 1871");
    await page.getByRole("button", { name: "Sign in" }).click();
    await card(page, "Net sales").waitFor();
    assert.ok(!page.url().includes("reset-password"));
  },

  async "keeps a layout of one's own"() {
    const page = await open({ query: "?range=all" });
    await enter(page, "Admin");
    const names = () => page.locator(".grid h2").allInnerTexts();
    await card(page, "Net sales").waitFor();
    await page.getByRole("button", { name: "Arrange this page" }).click();
    const kept = page.waitForResponse((it) => it.url().endsWith("/api/dashboard/config") && it.request().method() === "POST");
    await page.getByRole("button", { name: "Move earlier: Newest orders" }).press("Enter");
    await page.getByRole("button", { name: "Remove: By country" }).click();
    await kept;
    await sound(page, "arranging");
    await page.getByRole("button", { name: "Done" }).click();
    const arranged = await names();
    assert.deepEqual(arranged.slice(0, 3), ["Newest orders", "Sales over time", "By category"]);
    assert.ok(!arranged.includes("By country"));
    await page.reload();
    await page.getByRole("button", { name: "Arrange this page" }).waitFor();
    assert.deepEqual(await names(), arranged);
    await page.getByRole("button", { name: "Arrange this page" }).click();
    const usual = page.waitForResponse((it) => it.url().endsWith("/api/dashboard/config") && it.request().method() === "POST");
    await page.getByRole("button", { name: "As usual" }).click();
    await usual;
    assert.equal((await names())[0], "Sales over time");
  },

  async "speaks Arabic from right to left"() {
    const page = await open({ taste: { language: "ar", theme: "dark" }, query: "?range=all" });
    await enter(page, "مدير النظام");
    await card(page, "صافي المبيعات").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dir), "rtl");
    await shows(card(page, "الطلبات"), number((await service.figures("/api/metrics/sales")).totalOrders));
    await sound(page, "Arabic, dark");
  },

  async "fits a window of 390 px"() {
    const page = await open({ viewport: { width: 390, height: 844 }, query: "?range=all" });
    await enter(page, "Admin");
    await card(page, "Net sales").waitFor();
    await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
    await sound(page, "narrow");
    for (const name of ["products", "customers", "orders", "systems", "people"]) {
      await page.goto(`${service.url}/?page=${name}&range=all`);
      await page.locator("table.rows").first().waitFor();
      await sound(page, `narrow ${name}`);
    }
  },
};

let sold = 0;
async function sell(id, totalPrice) {
  sold += 1;
  const transactionDate = new Date().toISOString();
  return service.publish("transaction", { transactionId: id, userId: `buyer-${sold}`, totalPrice, transactionDate });
}

let failed = 0;
try {
  const only = process.argv[2] ?? "";
  for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(only)) continue;
    errors = [];
    try {
      await test();
      assert.deepEqual(errors, [], "errors in the console");
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack ?? error}\n${errors.join("\n")}`);
    }
    for (const context of chrome.contexts()) await context.close();
  }
} finally {
  await chrome.close();
  line.close();
  await service.stop();
}
process.exitCode = failed === 0 ? 0 : 1;
