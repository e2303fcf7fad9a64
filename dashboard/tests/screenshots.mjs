// Pictures of the page, as the documents show them:
//   node tests/screenshots.mjs ../docs/images [URL]    of a demo of its own unless a running one is named

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { browser, demo } from "./service.mjs";

const [folder = "screenshots", url] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const service = url === undefined ? await demo() : { url, stop() {} };
const chrome = await browser();

const WIDE = { width: 1440, height: 1000 };
const shots = [
  { name: "overview", viewport: WIDE },
  { name: "overview-dark", viewport: WIDE, theme: "dark" },
  { name: "overview-arabic", viewport: WIDE, language: "ar" },
  { name: "overview-narrow", viewport: { width: 390, height: 844 } },
  { name: "explain", viewport: WIDE, query: "?explain=netSales" },
  { name: "explain-customers", viewport: WIDE, query: "?explain=buyers" },
  { name: "alerts", viewport: WIDE, query: "?page=alerts" },
  { name: "systems", viewport: WIDE, query: "?page=systems" },
];

// Something for the pages of systems and alerts to show.
if (service.publish !== undefined) {
  const transactionDate = new Date().toISOString();
  const sale = { transactionId: "mine-1", userId: "me", totalPrice: 12.5, transactionDate, currency: "USD" };
  await service.publish("transaction", sale);
  const { token } = await service.ask("POST", "/api/auth/login", service.credentials.admin);
  const rule = { view: "/api/metrics/sales", figure: "totalRevenue" };
  for (const more of [
    { name: "A good day", window: "24h", condition: { is: "above", value: 100 }, quietTime: "6h" },
    { name: "Germany falls", view: "/api/metrics/sales?country=Germany", window: "7d", condition: { is: "changedBy", percent: 20, direction: "down" } },
    { name: "No orders", figure: undefined, condition: { is: "noEventsFor", duration: "30m" }, role: "manager" },
    { name: "Conversion", view: "/api/metrics/funnel", figure: "conversion", window: "1h", condition: { is: "below", value: 0.05 }, isActive: false },
  ]) {
    await service.ask("POST", "/api/alerts", { ...rule, ...more }, token);
  }
  await service.publish("transaction", { ...sale, transactionId: "mine-2", totalPrice: 180, currency: "GBP" });
}

try {
  const only = process.env.ONLY?.split(",");
  for (const { name, viewport, theme = "light", language = "en", query = "" } of shots) {
    if (only !== undefined && !only.includes(name)) continue;
    const page = await chrome.newPage({ viewport, locale: "en-GB", timezoneId: "Europe/London" });
    const taste = JSON.stringify({ theme, language });
    await page.addInitScript((taste) => localStorage.setItem("adaptive-bi.taste", taste), taste);
    await page.goto(service.url + query);
    await page.locator(".demo button").first().click();
    await page.locator(".grid .panel").first().waitFor();
    await page.waitForFunction(() => document.querySelector("[aria-busy=true], .skeleton") === null);
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    console.log(`${name}.png`);
    await page.close();
  }
} finally {
  await chrome.close();
  await service.stop();
}
