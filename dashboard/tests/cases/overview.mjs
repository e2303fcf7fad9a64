// The overview: its figures, how they move, and what they are made of.

import assert from "node:assert/strict";
import { DAY, DAY_AFTER, ZONE, card, enter, forgive, line, money, number, open, panel, sell, service, shows, sound } from "../page.mjs";

export const overview = {
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
    await page.getByRole("button", { name: "Remove the filter Country Germany" }).waitFor();
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
    forgive(/Failed to load resource|WebSocket connection|ERR_/);
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
};
