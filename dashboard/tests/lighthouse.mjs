// What Lighthouse says of the overview, signed in and live, for a desktop and for a telephone:
//   npm install --no-save lighthouse@12.8.2    it is large, and nothing else needs it
//   node tests/lighthouse.mjs [desktop|mobile]

import { chromiumPath, demo } from "./service.mjs";

const FORMS = process.argv[2] === undefined ? ["desktop", "mobile"] : [process.argv[2]];
const CATEGORIES = ["performance", "accessibility", "best-practices"];
/** What `/api/stream` brings never ends: the page is loaded once there was no other request for so long, in milliseconds. */
const QUIET = 2_000;

const { default: lighthouse, desktopConfig, defaultConfig } = await import("lighthouse");
const { default: puppeteer } = await import("puppeteer-core");

const service = await demo("--still");
const chrome = await puppeteer.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const form of FORMS) {
    const page = await chrome.newPage();
    await page.goto(service.url);
    if (form === FORMS[0]) await page.locator(".demo button:last-of-type").click();
    await page.waitForSelector(".card .value");
    const flags = {
      onlyCategories: CATEGORIES,
      // The session is in the storage.
      disableStorageReset: true,
      networkQuietThresholdMs: QUIET,
      cpuQuietThresholdMs: QUIET,
      maxWaitForLoad: 30_000,
      logLevel: "error",
    };
    const { lhr } = await lighthouse(service.url, flags, form === "desktop" ? desktopConfig : defaultConfig, page);
    const scores = CATEGORIES.map((it) => `${lhr.categories[it].title.toLowerCase()} ${Math.round(lhr.categories[it].score * 100)}`);
    console.log(`${form}: ${scores.join(", ")}`);
    for (const warning of lhr.runWarnings) console.log(`  warning: ${warning}`);
    const weighed = CATEGORIES.flatMap((it) => lhr.categories[it].auditRefs).filter(({ weight }) => weight > 0);
    for (const { id } of weighed) {
      const { score, title, displayValue = "", details } = lhr.audits[id];
      if (score === null || score === 1) continue;
      console.log(`  ${Math.round(score * 100)}  ${title} ${displayValue}`);
      // What moved is in an audit of its own.
      const items = id === "cumulative-layout-shift" ? lhr.audits["layout-shifts"].details?.items : details?.items;
      for (const { node } of items ?? []) if (node !== undefined) console.log(`      ${node.snippet}`);
    }
    await page.close();
  }
} finally {
  await chrome.close();
  await service.stop();
}
