// Whether a file is an AsyncAPI document, by the parser of its makers: node check.mjs FILE.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf8"));
// 0 is an error, 1 a warning; others are advice.
const faults = diagnostics.filter((it) => it.severity <= 1);
for (const { path, message } of faults) {
  console.error(`${path.join(".")}: ${message}`);
}
if (document === undefined || faults.length > 0) {
  process.exit(1);
}
console.log(`${file}: ${document.allMessages().length} messages, ${document.allOperations().length} operations`);
