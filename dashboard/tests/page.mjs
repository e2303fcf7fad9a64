// The page in a browser, on a demo of its own: what the cases have in common.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { browser, demo, wire } from "./service.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const ZONE = "Europe/London";
/** Days of which the year has sales, three of them, so that the chart is by day. */
export const DAY = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10);
export const DAY_AFTER = new Date(Date.now() - 37 * 86_400_000).toISOString().slice(0, 10);
export const money = (value) => value.toLocaleString("en-GB", { style: "currency", currency: "GBP" });
export const number = (value) => value.toLocaleString("en-GB", { maximumFractionDigits: 2 });

export const service = await demo("--still");
export const line = await wire(service.port);
export const chrome = await browser();

/** Errors that pages wrote. */
let errors = [];

/** Leaves out errors that a case provokes: the browser writes a line of its own for each. */
export function forgive(pattern) {
  errors = errors.filter((it) => !pattern.test(it));
}

/** The errors that are left; forgets them. */
export function takeErrors() {
  return errors.splice(0);
}

export async function open({ viewport = { width: 1440, height: 900 }, taste = {}, query = "", url = service.url } = {}) {
  const context = await chrome.newContext({ viewport, locale: "en-GB", timezoneId: ZONE, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (said) => said.type() === "error" && errors.push(said.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript((it) => {
    localStorage.getItem("adaptive-bi.taste") ?? localStorage.setItem("adaptive-bi.taste", it);
  }, JSON.stringify(taste));
  await page.goto(url + query);
  return page;
}

export const enter = (page, role) => page.locator(".demo").getByRole("button", { name: role, exact: true }).click();
export const card = (page, name) =>
  page.locator(".card", { has: page.getByRole("heading", { name, exact: true }) }).locator(".value");
export const panel = (page, name) => page.locator(".panel", { has: page.getByRole("heading", { name, exact: true }) });

export async function shows(locator, text) {
  await locator.filter({ hasText: text }).first().waitFor({ timeout: 20_000 });
}

/** Waits until every panel has something to show. */
export async function whole(page) {
  await page.locator(".grid .panel").first().waitFor();
  await page.waitForFunction(() => document.querySelector("[aria-busy=true], .skeleton") === null);
}

/** Serious findings, and how far the page is wider than the window. */
export async function sound(page, what) {
  // Axe is put in by the debugger, which the page's policy does not stand in the way of.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((it) => it.impact === "serious" || it.impact === "critical");
  const told = serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join("\n")}`);
  assert.deepEqual(told, [], what);
  const wider = await page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const reaches = (it) => it.getBoundingClientRect().right > innerWidth + 1 || it.getBoundingClientRect().left < -1;
    return [...document.body.querySelectorAll("*")].filter(reaches).map((it) => it.outerHTML.slice(0, 120));
  });
  assert.deepEqual(wider, [], `${what}: wider than the window`);
}

let sold = 0;
/** Sells something; returns the position of the event. */
export async function sell(id, totalPrice) {
  sold += 1;
  const transactionDate = new Date().toISOString();
  return service.publish("transaction", { transactionId: id, userId: `buyer-${sold}`, totalPrice, transactionDate });
}
