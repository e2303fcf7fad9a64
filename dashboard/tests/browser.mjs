// The page in a browser, against the real program with the year of a real shop:
//   node tests/browser.mjs [WORDS]    (or: npm run test:browser), all cases or those whose names have the words

import assert from "node:assert/strict";
import { account } from "./cases/account.mjs";
import { alerts } from "./cases/alerts.mjs";
import { explained } from "./cases/explained.mjs";
import { looks } from "./cases/looks.mjs";
import { made } from "./cases/made.mjs";
import { numbers } from "./cases/numbers.mjs";
import { overview } from "./cases/overview.mjs";
import { states } from "./cases/states.mjs";
import { chrome, line, service, takeErrors } from "./page.mjs";

const only = process.argv[2] ?? "";
// The password that an account's last case sets is not the demo's, so that group is the last one.
const cases = { ...overview, ...numbers, ...made, ...explained, ...alerts, ...states, ...looks, ...account };
let failed = 0;
try {
  for (const [name, run] of Object.entries(cases)) {
    if (!name.includes(only)) continue;
    takeErrors();
    try {
      await run();
      assert.deepEqual(takeErrors(), [], "errors in the console");
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack ?? error}\n${takeErrors().join("\n")}`);
    }
    for (const context of chrome.contexts()) await context.close();
  }
} finally {
  await chrome.close();
  line.close();
  await service.stop();
}
process.exitCode = failed === 0 ? 0 : 1;
