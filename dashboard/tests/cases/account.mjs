// Who gets in, and what an admin does.

import assert from "node:assert/strict";
import { card, enter, forgive, line, number, open, panel, service, shows, sound } from "../page.mjs";

export const account = {
  async "signs in with an account, and says so where it cannot"() {
    const page = await open();
    await page.getByLabel("E-mail").fill("viewer@demo.example");
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await sound(page, "the way in");
    // The browser writes a line of its own for the 401.
    forgive(/401/);
    await page.getByLabel("Password").fill(service.credentials.viewer.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await card(page, "Net sales").waitFor();
    await page.reload();
    await card(page, "Net sales").waitFor();
    await page.getByLabel("Account").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  },

  async "makes an account, once its password is strong enough"() {
    const page = await open();
    await page.getByRole("button", { name: "Make an account" }).click();
    await page.getByLabel("E-mail").fill("newcomer@shop.example");
    await page.getByLabel("New password").fill("password");
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.getByRole("alert").waitFor();
    forgive(/400/);
    await page.getByLabel("New password").fill("seven lamps of 1849");
    await page.getByRole("button", { name: "Make the account" }).click();
    await card(page, "Net sales").waitFor();
    assert.equal(await page.getByRole("link", { name: "Systems" }).count(), 0);
  },

  async "shows an admin's pages to admins alone"() {
    const page = await open({ query: "?page=systems" });
    await enter(page, "Viewer");
    await page.getByText("You may not see this").waitFor();
    assert.equal(await page.getByRole("link", { name: "Systems" }).count(), 0);
    await page.getByLabel("Account").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await enter(page, "Admin");
    await panel(page, "Generations").getByRole("cell", { name: "Shown" }).waitFor();
    await sound(page, "systems");
    await page.getByRole("link", { name: "People and keys" }).click();
    await panel(page, "API keys").getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name").fill("till");
    await page.getByRole("button", { name: "Make", exact: true }).click();
    const key = await panel(page, "API keys").locator("code").innerText();
    const answer = await fetch(`${service.url}/api/metrics/sales`, { headers: { "x-api-key": key } });
    assert.equal(answer.status, 200);
    await sound(page, "people");
    await page.getByRole("link", { name: "Behaviour" }).click();
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    await sound(page, "behaviour");
  },

  async "mends an event that was not understood, and sends it again"() {
    const transactionDate = new Date().toISOString();
    const sale = { transactionId: "mended-1", userId: "ann", totalPrice: 77, transactionDate, currency: "USD" };
    const position = await service.publish("transaction", sale);
    const page = await open({ query: "?page=systems" });
    await enter(page, "Admin");
    const row = page.getByRole("row", { name: number(position) });
    await row.getByRole("button", { name: "Look" }).click();
    const body = page.getByLabel("Body");
    await body.waitFor();
    await body.fill(JSON.stringify({ ...sale, currency: "GBP" }));
    await page.getByRole("button", { name: "Try" }).click();
    await shows(page.getByRole("status"), "It would be: counted");
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByText("Every event was understood").waitFor();
    await page.getByLabel("State").selectOption("replayed");
    await row.waitFor();
    await sound(page, "quarantine");
  },

  async "sets a new password by the link"() {
    const link = await service.run("admin", "reset-link", "--email", "viewer@demo.example");
    const page = await open({ query: `/${link.slice(link.indexOf("#"))}` });
    await page.getByLabel("New password").fill("nine kettles of 1871");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByText("The password is set").waitFor();
    await page.getByLabel("E-mail").fill("viewer@demo.example");
    await page.getByLabel("Password").fill("nine kettles of 1871");
    await page.getByRole("button", { name: "Sign in" }).click();
    await card(page, "Net sales").waitFor();
    assert.ok(!page.url().includes("reset-password"));
  },
};
