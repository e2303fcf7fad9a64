import { expect, it } from "vitest";
import api from "../../../docs/api.md?raw";
import { Problem } from "../state/api";
import { CATALOGUES, type Language, sayer } from "./words";
import { type Key, en } from "./en";
import { sentence } from "./problems";

const keys = Object.keys(en) as Key[];
const others = (Object.keys(CATALOGUES) as Language[]).filter((it) => it !== "en");
const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
/** Names are the same in every language. */
const NAMES: ReadonlySet<Key> = new Set<Key>(["app.name", "alert.webhook", "alert.by.webhook"]);

it.each(others)("%s has every word, each in that language, with the same places to fill in", (language) => {
  const words = CATALOGUES[language];
  expect(Object.keys(words).sort()).toEqual([...keys].sort());
  for (const key of keys) {
    expect(words[key], key).not.toBe("");
    if (!NAMES.has(key)) expect(words[key], key).not.toBe(en[key]);
    expect(places(words[key]), key).toEqual(places(en[key]));
  }
});

/** The sources that words are named in. */
const sources = import.meta.glob(["../**/*.tsx", "../**/*.ts", "!../words/{en,ar}*.ts", "!../**/*.test.ts"], { query: "?raw", eager: true, import: "default" });

it("every word is used somewhere", () => {
  const all = Object.values(sources).join("\n");
  const unused = keys.filter((key) => {
    // Some are named by a part that is put in: `page.${page}`.
    const dots = [...key.matchAll(/\./g)].map(({ index }) => index);
    return !all.includes(`"${key}"`) && !dots.some((dot) => all.includes(`\`${key.slice(0, dot)}.\${`));
  });
  expect(unused).toEqual([]);
});

it("a state that is not known is named as the service names it", () => {
  expect(sayer("ar")("state.of-tomorrow" as Key)).toBe("of-tomorrow");
});

it("a sentence has what stands in it", () => {
  const say = sayer("en");
  expect(say("bar.age", { span: "2 sec" })).toBe("2 sec ago");
  expect(say("bar.age")).toBe("{span} ago");
});

it("every problem that the service has is said in words", () => {
  const types = [...api.matchAll(/^\| `([a-z-]+)` \| \d{3} \|/gm)].map(([, type]) => `problem.${type}`);
  expect(types.length).toBeGreaterThan(20);
  expect(types.filter((key) => !(key in en))).toEqual([]);
});

it("a problem is said by its type, by the field that is wrong, else by its status", () => {
  const said = (status: number, type: string, fields: Problem["fields"] = []) =>
    sentence(sayer("en"), new Problem(status, type, "", fields));
  expect(said(409, "email-taken")).toBe("Another account has this e-mail");
  expect(said(400, "about:blank", [{ field: "condition.value", message: "must be" }])).toBe("A number is needed");
  expect(said(400, "about:blank", [{ field: "of-tomorrow", message: "must be" }])).toBe(en["problem.400"]);
  expect(said(404, "about:blank")).toBe(en["problem.404"]);
  expect([said(502, ""), said(418, "")]).toEqual([en["problem.500"], en["problem.400"]]);
});
