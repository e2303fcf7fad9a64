// What figures are made of, and filters that a click adds.

import assert from "node:assert/strict";
import { card, enter, money, number, open, panel, service, shows, sound } from "../page.mjs";

const EVER = "startDate=2000-01-01";

export const made = {
  async "a figure that is made of others names them, and each of them opens"() {
    const page = await open({ query: "?range=all" });
    await enter(page, "Viewer");
    const dialog = page.getByRole("dialog");
    await card(page, "Average order").click();
    await shows(dialog.locator("[data-explained]"), await card(page, "Average order").innerText());
    await dialog.getByRole("button", { name: await card(page, "Orders").innerText() }).click();
    await shows(dialog.locator("[data-explained]"), await card(page, "Orders").innerText());
    await dialog.getByRole("link").first().waitFor();
    await page.goBack();
    await shows(dialog.locator("[data-explained]"), await card(page, "Average order").innerText());
    await sound(page, "an average explained");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await card(page, "Customers").click();
    await shows(dialog.locator("[data-explained]"), await card(page, "Customers").innerText());
    await dialog.getByRole("link", { name: "Customers" }).click();
    await panel(page, "Customers").getByRole("link", { name: "14911" }).waitFor();
    // Each figure of a list opens too.
    await page.getByRole("row", { name: /14911/ }).getByRole("button").last().click();
    const spent = (await service.figures(`/api/metrics/sales?${EVER}&userId=14911`)).totalRevenue;
    await shows(dialog.locator("[data-explained]"), money(spent));
  },

  async "the conversion opens the steps that it is made of"() {
    const at = new Date().toISOString();
    for (const [user, type] of [["w-1", "viewed_product"], ["w-2", "viewed_product"], ["w-1", "purchased"]]) {
      const activity = { activityId: `${user}-${type}`, userId: user, activityType: type, productId: "22423", timestamp: at };
      await service.publish("activity", activity);
    }
    const page = await open({ query: "?range=today&zone=UTC" });
    await enter(page, "Viewer");
    const { stages, conversion } = await service.figures(`/api/metrics/funnel?startDate=${at.slice(0, 10)}`);
    const percent = conversion.toLocaleString("en-GB", { style: "percent", maximumFractionDigits: 1 });
    await shows(card(page, "Conversion"), percent);
    await card(page, "Conversion").click();
    const dialog = page.getByRole("dialog");
    await shows(dialog.locator("[data-explained]"), percent);
    for (const { users } of stages) await shows(dialog.locator(".pieces li"), number(users));
    await dialog.getByRole("link", { name: "Behaviour" }).click();
    await panel(page, "Devices").waitFor();
  },

  async "a breakdown opens the part of it that was clicked"() {
    const page = await open({ query: "?range=all" });
    await enter(page, "Viewer");
    const { byCategory } = await service.figures(`/api/metrics/revenue?${EVER}`);
    const dialog = page.getByRole("dialog");
    for (const { _id, revenue, transactions } of byCategory.slice(0, 2)) {
      const row = panel(page, "By category").locator("li", { hasText: _id });
      await row.getByRole("button", { name: money(revenue) }).click();
      await shows(dialog.locator("[data-explained]"), money(revenue));
      await page.goBack();
      await dialog.waitFor({ state: "detached" });
      await row.getByRole("button", { name: number(transactions), exact: true }).click();
      await shows(dialog.locator("[data-explained]"), number(transactions));
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }
    // Sales that state no payment method are a part as well.
    const [none] = (await service.figures(`/api/metrics/revenue?${EVER}`)).byPaymentMethod.filter((it) => it._id === "(none)");
    await panel(page, "By payment method").getByRole("button", { name: money(none.revenue) }).click();
    await shows(dialog.locator("[data-explained]"), money(none.revenue));
    await dialog.locator("tbody tr").first().waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.waitForURL((url) => !url.searchParams.has("explain"));
  },

  async "filters by a product and by a customer that is clicked; what does not take it says so"() {
    const page = await open({ query: "?range=all&compare=none" });
    await enter(page, "Viewer");
    const name = "REGENCY CAKESTAND 3 TIER";
    const whole = await card(page, "Net sales").innerText();
    await panel(page, "Top products").getByRole("button", { name, exact: true }).click();
    const product = await service.figures(`/api/metrics/sales?${EVER}&productId=22423`);
    await shows(card(page, "Net sales"), money(product.totalRevenue));
    await shows(card(page, "Orders"), number(product.totalOrders));
    await page.getByRole("button", { name: `Remove the filter Product ${name}` }).waitFor();
    assert.match(page.url(), /productId=22423/);
    await shows(panel(page, "Top customers"), "not by product");
    await shows(panel(page, "Customers who come back"), "not by product");
    await shows(panel(page, "By country"), "not kept by this");
    assert.equal(await panel(page, "Newest orders").getByText("not by product").count(), 0);
    await sound(page, "filtered by a product");

    await panel(page, "Top customers").getByRole("button", { name: "14646", exact: true }).click();
    const customer = await service.figures(`/api/metrics/sales?${EVER}&userId=14646`);
    await shows(card(page, "Net sales"), money(customer.totalRevenue));
    assert.doesNotMatch(page.url(), /productId/);
    await page.goBack();
    await shows(card(page, "Net sales"), money(product.totalRevenue));
    await page.goForward();
    await shows(card(page, "Net sales"), money(customer.totalRevenue));
    await page.goto(`${service.url}/?page=orders&range=all&userId=14646`);
    const { orders } = await service.figures(`/api/orders?${EVER}&userId=14646&limit=1`);
    await shows(panel(page, "Orders").locator("tbody tr").first(), orders[0].orderId);
    await page.goto(`${service.url}/?page=products&range=all&userId=14646`);
    await shows(panel(page, "Products"), "not by customer");
    await page.getByRole("button", { name: "Remove the filter Customer 14646" }).click();
    await page.goto(`${service.url}/?range=all&compare=none`);
    await shows(card(page, "Net sales"), whole);
  },
};
