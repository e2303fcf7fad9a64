// How fast the page is, on this machine, with the year of a real shop:
//   node tests/measure.mjs

import { browser, demo } from "./service.mjs";

const FOR_MS = 60_000;
const EACH_MS = 100;

const service = await demo("--still");
const chrome = await browser();
try {
  const context = await chrome.newContext({ viewport: { width: 1440, height: 1000 }, timezoneId: "Europe/London" });
  const page = await context.newPage();
  await page.goto(service.url);
  await page.locator(".demo button").last().click();
  await page.locator(".card .value").first().waitFor();

  // The second visit of somebody who is signed in, with nothing in the browser's cache.
  const session = await context.newCDPSession(page);
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  for (const turn of [1, 2, 3]) {
    let requests = 0;
    const count = () => (requests += 1);
    page.on("request", count);
    await page.addInitScript(() => {
      new MutationObserver(() => {
        const isWhole = document.querySelector(".grid") !== null && document.querySelector("[aria-busy=true]") === null;
        if (isWhole) globalThis.wholeAt ??= performance.now();
      }).observe(document, { childList: true, subtree: true, attributes: true });
    });
    await page.reload();
    await page.waitForFunction(() => globalThis.wholeAt !== undefined);
    await page.locator(".dot.open").waitFor({ state: "attached" });
    page.off("request", count);
    const whole = await page.evaluate(() => globalThis.wholeAt);
    console.log(`first view ${turn}: whole after ${Math.round(whole)} ms, ${requests} requests`);
  }

  // The whole heap is collected, which stops the page; frames do not count meanwhile.
  const heap = async () => {
    await page.evaluate(() => (globalThis.counts = false));
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    await page.evaluate(() => new Promise(requestAnimationFrame).then(() => (globalThis.counts = true)));
    return usedSize / 1_048_576;
  };
  await page.goto(`${service.url}/?range=today`);
  await page.locator(".dot.open").waitFor({ state: "attached" });
  await page.evaluate(() => {
    globalThis.frames = [];
    let last = performance.now();
    const draw = (now) => {
      if (globalThis.counts) globalThis.frames.push(now - last);
      last = now;
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
    globalThis.long = [];
    new PerformanceObserver((list) => globalThis.long.push(...list.getEntries().map((it) => it.duration))).observe({
      type: "longtask",
    });
  });
  const measured = [];
  const begun = Date.now();
  let sent = 0;
  const updates = new Set();
  while (Date.now() - begun < FOR_MS) {
    const transactionDate = new Date().toISOString();
    await service.publish("transaction", { transactionId: `m-${sent}`, userId: `u-${sent % 50}`, totalPrice: 5, transactionDate });
    sent += 1;
    updates.add(await page.locator("[data-position]").getAttribute("data-position"));
    if (sent % 150 === 1) measured.push(await heap());
    await new Promise((done) => setTimeout(done, begun + sent * EACH_MS - Date.now()));
  }
  measured.push(await heap());
  const { frames, long } = await page.evaluate(() => ({ frames: globalThis.frames, long: globalThis.long }));
  console.log(`${sent} events in ${FOR_MS / 1_000} s; ${updates.size} positions were seen on the page`);
  console.log(`heap in MB: ${measured.map((it) => it.toFixed(1)).join(", ")}`);
  const late = frames.filter((it) => it > 50).length;
  console.log(`${frames.length} frames, ${late} over 50 ms, the longest ${Math.round(Math.max(...frames))} ms`);
  console.log(`${long.length} tasks over 50 ms${long.length > 0 ? `, the longest ${Math.round(Math.max(...long))} ms` : ""}`);
} finally {
  await chrome.close();
  await service.stop();
}
