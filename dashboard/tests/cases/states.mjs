// What panels show where there is nothing to show: a view that fails, no connection, an empty shop.

import assert from "node:assert/strict";
import { card, enter, forgive, money, open, panel, service, shows, sound, whole } from "../page.mjs";
import { empty } from "../service.mjs";

/** Has one view of every batch fail on its way, as it would where the service cannot read it. */
async function broken(page, view, status, error) {
  await page.route("**/api/dashboard/batch?*", async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    for (const item of json.data) {
      if (!item.view.startsWith(view)) continue;
      item.status = status;
      delete item.data;
      item.error = { status, message: "it is the test that fails", requestId: "request-1", ...error };
    }
    await route.fulfill({ response: answer, json });
  });
}

export const states = {
  async "a panel whose view fails says why, the others stay, and it is asked for again"() {
    for (const [status, title] of [[500, "This could not be read"], [503, "The service cannot answer this at the moment"]]) {
      const page = await open({ query: "?range=all&live=off" });
      await broken(page, "/api/metrics/retention", status, {});
      await enter(page, "Viewer");
      const failed = panel(page, "Customers who come back");
      await shows(failed, title);
      await shows(failed, "it is the test that fails");
      await shows(failed, "Request request-1");
      await card(page, "Net sales").waitFor();
      await panel(page, "By country").locator("li").first().waitFor();
      await sound(page, `a view that answers ${status}`);
      await page.unroute("**/api/dashboard/batch?*");
      await failed.getByRole("button", { name: "Try again" }).click();
      await failed.locator("td").first().waitFor();
    }
  },

  async "a view that fails later leaves its figures, with a word that they are old"() {
    const page = await open({ query: "?range=all&live=off" });
    await enter(page, "Viewer");
    const retention = panel(page, "Customers who come back");
    await retention.locator("td").first().waitFor();
    await broken(page, "/api/metrics/retention", 503, {});
    await page.getByRole("button", { name: "Ask again" }).click();
    await shows(retention, "Not up to date");
    await retention.locator("td").first().waitFor();
  },

  async "a question that the service refuses is said in words, in Arabic as well"() {
    const long = "x".repeat(400);
    const page = await open({ query: `?range=all&category=${long}` });
    await enter(page, "Viewer");
    await shows(panel(page, "By country"), "This filter cannot be asked for");
    await shows(panel(page, "By country"), "category must");
    await panel(page, "Customers who come back").locator("td").first().waitFor();
    // What is followed since then says nothing else of it.
    await page.waitForTimeout(1_000);
    await shows(panel(page, "By country"), "This filter cannot be asked for");
    const arabic = await open({ query: "?page=alerts", taste: { language: "ar" } });
    await enter(arabic, "مدير النظام");
    await arabic.getByRole("button", { name: "قاعدة جديدة" }).click();
    await arabic.getByRole("button", { name: "أنشئ القاعدة" }).click();
    const name = arabic.locator(".field", { has: arabic.getByLabel("الاسم", { exact: true }) });
    await shows(name, "يلزم اسم من حرف إلى 100 حرف");
    // The service's own words stand behind them, and are marked as what they are.
    await shows(name.locator("[lang=en]"), "must have 1 to 100 characters");
    await sound(arabic, "refused in Arabic");
    forgive(/400/);
  },

  async "a page of its own requests says so where one of them fails"() {
    const page = await open({ query: "?page=alerts" });
    await page.route("**/api/alerts/history*", (route) => route.abort());
    await page.route("**/api/alerts", (route) => route.fulfill({ status: 503, json: { message: "it is the test that fails" } }));
    await enter(page, "Admin");
    await shows(panel(page, "Rules"), "The service cannot answer this at the moment");
    await shows(panel(page, "History"), "The service cannot be reached");
    await page.unroute("**/api/alerts");
    await page.unroute("**/api/alerts/history*");
    await panel(page, "Rules").getByRole("button", { name: "Try again" }).click();
    await page.getByRole("button", { name: "New rule" }).waitFor();
    forgive(/503|ERR_FAILED/);
  },

  async "without a network it says so, and figures come back by themselves"() {
    const page = await open({ query: "?range=7d&live=off" });
    await enter(page, "Viewer");
    await whole(page);
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "90 days" }).click();
    await shows(panel(page, "By country"), "The service cannot be reached");
    await page.getByText("Connection lost").waitFor();
    await sound(page, "offline");
    await page.context().setOffline(false);
    await panel(page, "By country").locator("li").first().waitFor();
    await page.getByText("Connection lost").waitFor({ state: "detached" });
    forgive(/Failed to load resource|ERR_/);
  },

  async "a shop without events shows what to do next on every page, and moves with the first one"() {
    const shop = await empty();
    try {
      const page = await open({ url: shop.url });
      await page.getByLabel("E-mail").fill(shop.email);
      await page.getByLabel("Password").fill(shop.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await whole(page);
      await shows(card(page, "Net sales"), money(0));
      for (const name of ["Sales over time", "Newest orders", "By category", "Top products", "Customers who come back"]) {
        await shows(panel(page, name), "Nothing in this range");
        assert.match(await panel(page, name).locator("pre").textContent(), /curl .*\/api\/events\/transaction/);
      }
      await shows(panel(page, "From visit to order"), "No visits in this range");
      await shows(panel(page, "Ratings"), "No ratings in this range");
      await sound(page, "an empty shop");
      for (const name of ["products", "customers", "orders"]) {
        await page.goto(`${shop.url}/?page=${name}`);
        await page.getByText("Nothing here yet").waitFor();
        await sound(page, `no ${name}`);
      }
      for (const name of ["behaviour", "alerts", "systems", "people"]) {
        await page.goto(`${shop.url}/?page=${name}`);
        await whole(page);
        await sound(page, `${name} of an empty shop`);
      }
      await page.goto(shop.url);
      await page.locator(".dot.open").waitFor({ state: "attached" });
      await shop.sell("first", 12.5);
      await shows(card(page, "Net sales"), money(12.5));
      await shows(panel(page, "Top customers").locator("li"), money(12.5));
      await page.context().close();
    } finally {
      await shop.stop();
    }
  },
};
