// Rules of alerts, what they recorded, and how it is told.

import assert from "node:assert/strict";
import { enter, forgive, open, panel, sell, service, shows, sound } from "../page.mjs";

const rule = (page, name) => page.getByRole("row", { name: new RegExp(name) });

export const alerts = {
  async "makes a rule, says at its field what is wrong, and tells as it comes to hold"() {
    const page = await open({ query: "?page=alerts" });
    await enter(page, "Admin");
    await page.getByText("No rules yet").waitFor();
    await page.getByRole("button", { name: "New rule" }).click();
    const form = page.getByRole("form", { name: "New rule" });
    await form.getByLabel("Bound").fill("lots");
    await form.getByLabel("Webhook").fill("http://10.0.0.1/");
    await form.getByRole("button", { name: "Make the rule" }).click();
    await form.getByRole("alert").first().waitFor();
    for (const [field, message] of [["Name", "1 to 100"], ["Bound", "must be a number"], ["Webhook", "https://"]]) {
      const input = form.getByLabel(field, { exact: true });
      assert.equal(await input.getAttribute("aria-invalid"), "true", field);
      const about = await input.getAttribute("aria-describedby");
      await shows(page.locator(`[id="${about}"]`), message);
    }
    assert.equal(await form.getByLabel("Name").evaluate((it) => it === document.activeElement), true);
    await sound(page, "a form that is not right");
    forgive(/400/);
    await form.getByLabel("Name").fill("A large sale");
    await form.getByLabel("Bound").fill("5000000");
    await form.getByLabel("Webhook").fill("https://hooks.example.org/bi");
    await form.getByLabel("In the last").selectOption("1h");
    await form.getByLabel("Quiet time").selectOption("1m");
    await form.getByRole("button", { name: "Make the rule" }).click();
    await shows(page.getByRole("status"), "whsec_");
    await shows(rule(page, "A large sale"), "Net sales above £5,000,000.00 in 1 hr");
    await shows(rule(page, "A large sale"), "Does not hold");
    await panel(page, "History").getByText("No alert was recorded yet").waitFor();

    // On another page the news comes as a notice, with a number beside the way to it.
    await page.getByRole("link", { name: "Products" }).click();
    await page.locator(".dot.open").waitFor({ state: "attached" });
    await sell("alert-1", 5_000_001);
    const news = page.getByRole("status").filter({ hasText: "A large sale" });
    await news.waitFor();
    await shows(page.getByRole("navigation").first().locator(".badge"), "1");
    await sound(page, "a notice");
    await news.getByRole("link", { name: "Look" }).click();
    await shows(panel(page, "History").getByRole("row"), "A large sale");
    await shows(rule(page, "A large sale"), "Holds since");
    assert.equal(await page.locator(".badge").count(), 0);
    await page.reload();
    await panel(page, "History").getByRole("row").nth(1).waitFor();
    assert.equal(await page.locator(".badge").count(), 0);
    await sound(page, "alerts");
  },

  async "changes, pauses and removes a rule"() {
    const page = await open({ query: "?page=alerts" });
    await enter(page, "Admin");
    await page.getByRole("button", { name: "Pause: A large sale" }).click();
    await shows(rule(page, "A large sale"), "Paused");
    await page.getByRole("button", { name: "Go on: A large sale" }).click();
    await page.getByRole("button", { name: "Pause: A large sale" }).waitFor();
    await page.getByRole("button", { name: "Change: A large sale" }).click();
    const form = page.getByRole("form", { name: "Change" });
    await form.getByLabel("Name").fill("Germany falls");
    await form.getByLabel("Only of").selectOption("country");
    await form.getByLabel("Country").fill("Germany");
    await form.getByLabel("Condition").selectOption("changedBy");
    await form.getByLabel("Which way").selectOption("down");
    await form.getByLabel("In the last").selectOption("7d");
    await form.getByRole("button", { name: "Save" }).click();
    await shows(rule(page, "Germany falls"), "Net sales of Germany down by 20% or more in 7 days");
    await page.getByRole("button", { name: "Remove: Germany falls" }).click();
    await page.getByRole("button", { name: "Remove: Germany falls: Really?" }).click();
    await page.getByText("No rules yet").waitFor();
    // What it recorded stays.
    await shows(panel(page, "History").getByRole("row"), "A large sale");
  },

  async "new alerts come in by themselves, and old ones by pages"() {
    const { email, password } = service.credentials.viewer;
    const { token } = await service.ask("POST", "/api/auth/login", { email, password });
    const page = await open({ query: "?page=alerts" });
    await enter(page, "Viewer");
    await page.getByText("No alert was recorded yet").waitFor();
    for (let at = 0; at < 23; at += 1) {
      const condition = { is: "above", value: at };
      const wanted = { name: `Orders above ${at}`, view: "/api/metrics/sales", figure: "totalOrders", condition };
      await service.ask("POST", "/api/alerts", wanted, token);
    }
    const history = panel(page, "History");
    const rows = history.locator("tbody tr");
    // Each rule's own alert comes once, without a reload; a page has the newest 20.
    const first = new Set();
    let recorded = [];
    while (recorded.length < 23) recorded = (await service.ask("GET", "/api/alerts/history", undefined, token)).alerts;
    await shows(rows.nth(0), recorded[0].name);
    await page.waitForFunction(() => document.querySelectorAll(".panel:last-child tbody tr").length === 20);
    for (const text of await rows.locator("td:nth-child(2)").allInnerTexts()) first.add(text);
    await history.getByRole("button", { name: "Next page" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".panel:last-child tbody tr").length === 3);
    for (const text of await rows.locator("td:nth-child(2)").allInnerTexts()) first.add(text);
    assert.equal(first.size, 23);
    await history.getByRole("button", { name: "First page" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".panel:last-child tbody tr").length === 20);
    await history.getByLabel("Rule").selectOption({ label: "Orders above 7" });
    await page.waitForFunction(() => document.querySelectorAll(".panel:last-child tbody tr").length === 1);
    await shows(rows, "Orders above 7");
  },
};
