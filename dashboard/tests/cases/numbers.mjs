// The figures of the overview, each compared with what the API says at the position that the page shows.

import assert from "node:assert/strict";
import { ZONE, enter, money, number, open, panel, service, sell, whole } from "../page.mjs";

const percent = (part, digits = 1) => part.toLocaleString("en-GB", { style: "percent", maximumFractionDigits: digits });
const signed = (now, before) =>
  ((now - before) / Math.abs(before)).toLocaleString("en-GB", { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" });
const plain = (word) => word.replaceAll("_", " ").replace(/^./, (it) => it.toUpperCase());
const texts = (locator) => locator.evaluateAll((all) => all.map((it) => it.textContent.trim()));

/** The rows of a ranking: name, second figure, figure. */
const bars = (page, name) =>
  panel(page, name)
    .locator(".bars li")
    .evaluateAll((rows) =>
      rows.map((row) => [".name > button, .name", ".second", ".value"].map((it) => row.querySelector(it)?.textContent.trim() ?? "")),
    );

/** What the API says, each view at the same position as the page. */
async function expected(range, filters, position) {
  const read = async (path) => {
    const answer = await service.read(path);
    assert.equal(answer.position, position, path);
    return answer.data;
  };
  return {
    sales: await read(`/api/metrics/sales?${range}&compare=previous${filters}`),
    revenue: await read(`/api/metrics/revenue?${range}${filters}`),
    products: (await read(`/api/metrics/products?${range}&sort=netSales&limit=8`)).topSellingProducts,
    customers: (await read(`/api/metrics/customers?${range}&sort=netSales&limit=8`)).topSpendingCustomers,
    funnel: await read(`/api/metrics/funnel?${range}`),
    cohorts: (await read(`/api/metrics/retention?period=month&tz=${ZONE}`)).cohorts.filter((it) => it.customers > 0),
    feedback: await read(`/api/metrics/feedback?${range}&limit=1`),
    orders: (await read(`/api/orders?tz=${ZONE}&limit=12${filters}`)).orders,
  };
}

async function same(page, range, filters) {
  const position = Number(await page.locator("[data-position]").getAttribute("data-position"));
  const api = await expected(range, filters, position);
  const { sales, revenue, funnel, feedback } = api;
  const before = sales.comparison;
  const isFiltered = filters !== "";
  const conversion = isFiltered || funnel.stages[0].users === 0 ? "–" : percent(funnel.conversion);
  const customers = sales.uniqueCustomers === null ? "–" : number(sales.uniqueCustomers);
  const values = await texts(page.locator(".card .value"));
  assert.deepEqual(
    values.map((it) => it.replace(/^–.*/, "–")),
    [money(sales.totalRevenue), number(sales.totalOrders), money(sales.averageOrderValue), customers, conversion, money(sales.returnedAmount)],
  );
  for (const [at, of, shown] of [[0, "totalRevenue", money], [1, "totalOrders", number], [2, "averageOrderValue", money], [5, "returnedAmount", money]]) {
    const change = await page.locator(".card").nth(at).locator(".change").innerText();
    assert.equal(change.replace(/\s+/g, " ").trim(), `${signed(sales[of], before[of])} ${shown(before[of])} before`, of);
  }
  for (const [name, rows, named] of [
    ["By category", revenue.byCategory, (it) => it],
    ["By country", revenue.byCountry, (it) => it],
    ["By payment method", revenue.byPaymentMethod, plain],
  ]) {
    const wanted = rows.slice(0, 8).map((it) => [it._id === "(none)" ? "(none)" : named(it._id), number(it.transactions), money(it.revenue)]);
    assert.ok(wanted.length > 0, name);
    assert.deepEqual(await bars(page, name), wanted, name);
  }
  const products = api.products.map((it) => [it.name ?? it.productId, number(it.totalQuantitySold), money(it.netSales)]);
  assert.deepEqual(await bars(page, "Top products"), products);
  const spent = api.customers.map((it) => [it.username ?? it.userId, number(it.orderCount), money(it.totalSpend)]);
  assert.deepEqual(await bars(page, "Top customers"), spent);
  const cells = api.cohorts.flatMap((it) => [number(it.customers), ...it.rates.slice(1).map((rate) => percent(Math.round(rate * 100) / 100))]);
  assert.deepEqual(await texts(panel(page, "Customers who come back").locator("td")), cells);
  if (funnel.stages[0].users > 0) {
    const steps = funnel.stages.flatMap(({ users }) => [number(users), percent(users / funnel.stages[0].users)]);
    assert.deepEqual(await texts(panel(page, "From visit to order").locator("li b, li > .quiet")), steps);
  }
  if (feedback.totalRatings > 0) {
    const ratings = [...feedback.distribution].reverse().map(({ rating, count }) => [`${rating} stars`, "", number(count)]);
    assert.deepEqual(await bars(page, "Ratings"), ratings);
  }
  const feed = api.orders.flatMap((it) => [it.orderId, money(it.netSales)]);
  assert.deepEqual(await texts(panel(page, "Newest orders").locator("li > a, .value")), feed);
}

export const numbers = {
  async "the numbers shown are the API's at the position shown"() {
    const at = new Date().toISOString();
    for (const [user, activityType] of [["n-1", "viewed_product"], ["n-2", "viewed_product"], ["n-2", "added_to_cart"]]) {
      const activity = { activityId: `${user}-${activityType}`, userId: user, activityType, productId: "22423", timestamp: at };
      await service.publish("activity", activity);
    }
    await service.publish("feedback", { feedbackId: "n-1", userId: "n-1", productId: "22423", rating: 4, feedbackDate: at });
    const position = await sell("numbers-1", 19.99);
    const today = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(new Date());
    const from = new Date(Date.parse(today) - 89 * 86_400_000).toISOString().slice(0, 10);
    const range = `startDate=${from}&endDate=${today}&tz=${ZONE}`;
    const page = await open({ query: "?range=90d" });
    await enter(page, "Viewer");
    await page.locator(`[data-position="${position}"]`).waitFor();
    await whole(page);
    await same(page, range, "");
    await page.goto(`${service.url}/?range=90d&country=Germany`);
    await page.locator(`[data-position="${position}"]`).waitFor();
    await whole(page);
    await same(page, range, "&country=Germany");
  },
};
