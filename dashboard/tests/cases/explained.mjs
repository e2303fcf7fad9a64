// Numbers of customers open each of them, and what is counted opens by time: both are as many as the number says.

import assert from "node:assert/strict";
import { ZONE, card, enter, number, open, panel, service, shows, sound, whole } from "../page.mjs";

const dialog = (page) => page.getByRole("dialog");
const shut = async (page) => {
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
};
/** The numbers at the ends of the rows. */
const last = (page) =>
  dialog(page)
    .locator("tbody tr td:last-child")
    .evaluateAll((cells) => cells.map((cell) => Number(cell.textContent.replaceAll(",", ""))));
const sum = (numbers) => numbers.reduce((all, it) => all + it, 0);

/** Clicks a number, and asks for more until all customers are there: they are as many as the number says. */
async function opensCustomers(page, click, expected) {
  await click();
  await shows(dialog(page).locator(`[data-explained="${expected}"]`), number(expected));
  const rows = dialog(page).locator("tbody tr");
  if (expected > 0) await rows.first().waitFor();
  for (;;) {
    const had = await rows.count();
    if (had >= Math.min(expected, 150)) break;
    await dialog(page).getByRole("button", { name: "Show more" }).click();
    await rows.nth(had).waitFor();
  }
  assert.ok((await rows.count()) >= Math.min(expected, 150), `${await rows.count()} of ${expected}`);
  const ids = await rows.locator("td:first-child a").evaluateAll((all) => all.map((it) => it.href));
  assert.equal(new Set(ids).size, await rows.count(), "each once");
}

/** Clicks a number that is counted: its periods add up to it, and so do the hours of a day. */
async function opensPeriods(page, click, expected) {
  await click();
  await shows(dialog(page).locator(`[data-explained="${expected}"]`), number(expected));
  await dialog(page).locator("tbody tr").first().waitFor();
  const days = await last(page);
  assert.equal(sum(days), expected);
  const day = dialog(page).locator("tbody tr").last();
  await day.getByRole("button").click();
  await shows(dialog(page).locator(`[data-explained="${days.at(-1)}"]`), number(days.at(-1)));
  await dialog(page).getByRole("columnheader", { name: "Hour" }).waitFor();
  assert.equal(sum(await last(page)), days.at(-1));
  await dialog(page).getByRole("button", { name: "All days" }).click();
  await dialog(page).locator(`[data-explained="${expected}"]`).waitFor();
}

let done = 0;
/** What somebody does in the shop. */
function act(userId, activityType, more = {}) {
  done += 1;
  const activity = { activityId: `e-${done}`, userId, activityType, productId: "22423", device: "mobile", ...more };
  return ["activity", { ...activity, timestamp: new Date().toISOString() }];
}

/** Many visits and a rating; returns the position of the last one. */
async function visits() {
  const feedback = { feedbackId: "e-1", userId: "e-1", productId: "22423", rating: 4, feedbackDate: new Date().toISOString() };
  return service.publishAll([
    ...Array.from({ length: 60 }, (_, at) => act(`e-${at}`, "viewed_product")),
    act("e-3", "added_to_cart"),
    ["feedback", feedback],
    act("e-3", "purchased", { page: "/thanks" }),
  ]);
}

const today = () => new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(new Date());
const daysBefore = (days) => new Date(Date.parse(today()) - days * 86_400_000).toISOString().slice(0, 10);

export const explained = {
  async "a number of customers opens each of them, with how often and when"() {
    const position = await visits();
    const page = await open({ query: "?range=7d" });
    await enter(page, "Viewer");
    await page.locator(`[data-position="${position}"]`).waitFor();
    await whole(page);
    const range = `startDate=${daysBefore(6)}&endDate=${today()}&tz=${ZONE}`;
    const { stages } = await service.figures(`/api/metrics/funnel?${range}`);
    assert.ok(stages[0].users > 50 && stages[2].users > 0, "some visits");
    for (const [at, { users }] of stages.entries()) {
      const step = panel(page, "From visit to order").locator("li").nth(at).getByRole("button");
      await opensCustomers(page, () => step.click(), users);
      await shut(page);
    }
    const { uniqueCustomers } = await service.figures(`/api/metrics/sales?${range}`);
    await card(page, "Customers").click();
    await opensCustomers(page, () => dialog(page).getByRole("button", { name: number(uniqueCustomers) }).first().click(), uniqueCustomers);
    await sound(page, "customers who bought");
    await shut(page);

    const { cohorts } = await service.figures(`/api/metrics/retention?period=month&tz=${ZONE}`);
    const first = cohorts.find((it) => it.customers > 0);
    const row = panel(page, "Customers who come back").locator("tbody tr").first();
    await opensCustomers(page, () => row.getByRole("button").first().click(), first.customers);
    await shut(page);
    await opensCustomers(page, () => row.getByRole("button").nth(2).click(), first.retained[2]);
    await dialog(page).getByRole("heading", { name: /2 months later/ }).waitFor();
    await dialog(page).locator("tbody a").first().click();
    await panel(page, "Customer").waitFor();
  },

  async "the figures of behaviour open who is active, and what is counted by day and hour"() {
    const position = await visits();
    const page = await open({ query: "?page=behaviour&range=7d" });
    await enter(page, "Viewer");
    await page.locator(`[data-position="${position}"]`).waitFor();
    await whole(page);
    const range = `startDate=${daysBefore(6)}&endDate=${today()}&tz=${ZONE}`;
    const actives = await service.figures(`/api/metrics/actives?${range}`);
    const fact = (name) => panel(page, "Active customers").locator("dl > div", { has: page.getByText(name, { exact: true }) }).getByRole("button");
    for (const [name, figure] of [["Today", "daily"], ["7 days", "weekly"], ["30 days", "monthly"], ["New", "new"], ["Returning", "returning"]]) {
      await opensCustomers(page, () => fact(name).click(), actives[figure]);
      await shut(page);
    }
    const { totalActivities, byType, byPage } = await service.figures(`/api/metrics/behaviour?${range}`);
    await opensPeriods(page, () => fact("Actions").click(), totalActivities);
    await opensCustomers(page, () => dialog(page).getByRole("button", { name: "By customer" }).click(), actives.active);
    await shut(page);
    const bar = (name, at) => panel(page, name).locator(".bars li").nth(at).locator("button.value");
    await opensPeriods(page, () => bar("What visitors do", 1).click(), byType[1].count);
    await sound(page, "what visitors do, by day");
    await shut(page);
    await opensPeriods(page, () => bar("Pages", 0).click(), byPage[0].count);
    await shut(page);
    const sessions = await service.figures(`/api/metrics/sessions?${range}`);
    if (sessions.sessions > 0) {
      await opensPeriods(page, () => bar("Devices", 0).click(), sessions.byDevice[0].sessions);
      await shut(page);
      await fact("Left at once").click();
      await opensPeriods(page, () => dialog(page).locator(".pieces button").first().click(), sessions.bounces);
      await shut(page);
    }
  },

  async "ratings open by stars, and the figure before opens that of the time before"() {
    const position = await visits();
    const page = await open({ query: "?range=7d" });
    await enter(page, "Viewer");
    await page.locator(`[data-position="${position}"]`).waitFor();
    await whole(page);
    const range = `startDate=${daysBefore(6)}&endDate=${today()}&tz=${ZONE}`;
    const { distribution, averageRating } = await service.figures(`/api/metrics/feedback?${range}`);
    const four = distribution.find((it) => it.rating === 4).count;
    await opensPeriods(page, () => panel(page, "Ratings").locator(".bars li").nth(1).locator("button.value").click(), four);
    await shut(page);
    await panel(page, "Ratings").getByRole("button", { name: number(averageRating), exact: true }).click();
    await opensPeriods(page, () => dialog(page).locator(".pieces button").nth(1).click(), four);
    await shut(page);

    const { comparison } = await service.figures(`/api/metrics/sales?${range}&compare=previous`);
    const orders = page.locator(".card", { has: page.getByRole("heading", { name: "Orders", exact: true }) });
    await orders.getByRole("button", { name: /before/ }).click();
    await dialog(page).locator(`[data-explained="${comparison.totalOrders}"]`).waitFor();
    await page.goBack();
    await dialog(page).waitFor({ state: "detached" });
    await page.waitForURL((url) => !url.searchParams.has("explain"));
  },

  async "who a figure counts is said in Arabic, and in a window of 390 px"() {
    const position = await visits();
    const page = await open({ viewport: { width: 390, height: 844 }, taste: { language: "ar" }, query: "?range=7d&explain=viewed" });
    await enter(page, "مشاهد");
    await page.locator(`[data-position="${position}"]`).waitFor();
    await dialog(page).locator("tbody tr").first().waitFor();
    await dialog(page).getByRole("heading", { name: "زوار شاهدوا منتجًا" }).waitFor();
    await sound(page, "customers in Arabic, narrow");
    await page.goto(`${service.url}/?range=7d&explain=activities&part=activityType:viewed_product`);
    await dialog(page).locator("tbody tr").first().waitFor();
    await sound(page, "counted in Arabic, narrow");
  },
};
