// How it looks in other languages and windows.

import assert from "node:assert/strict";
import { card, enter, number, open, service, shows, sound, whole } from "../page.mjs";

export const looks = {
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
    await whole(page);
    await sound(page, "narrow");
    for (const name of ["products", "customers", "orders", "alerts", "systems", "people"]) {
      await page.goto(`${service.url}/?page=${name}&range=all`);
      await whole(page);
      await sound(page, `narrow ${name}`);
    }
  },
};
