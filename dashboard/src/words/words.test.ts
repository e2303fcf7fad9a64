import { expect, it } from "vitest";
import { CATALOGUES, type Language, sayer } from "./words";
import { type Key, en } from "./en";

const keys = Object.keys(en) as Key[];
const others = (Object.keys(CATALOGUES) as Language[]).filter((it) => it !== "en");
const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
/** Names are the same in every language. */
const NAMES: ReadonlySet<Key> = new Set<Key>(["app.name"]);

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
const sources = import.meta.glob(["../**/*.tsx", "../**/*.ts", "!../words/*.ts"], { query: "?raw", eager: true, import: "default" });

it("every word is used somewhere", () => {
  const all = Object.values(sources).join("\n");
  const unused = keys.filter((key) => {
    // Some are named by a part that is put in: `page.${page}`.
    const family = `${key.slice(0, key.lastIndexOf("."))}.\${`;
    return !all.includes(`"${key}"`) && !all.includes(`\`${family}`);
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
