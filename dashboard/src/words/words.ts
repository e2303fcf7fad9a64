/** The catalogue of a language, and words with what stands in them. */

import { type Key, type Words, en } from "./en";
import { ar } from "./ar";

export const LANGUAGES = { en: "English", ar: "العربية" } as const;
export type Language = keyof typeof LANGUAGES;

export const CATALOGUES: Readonly<Record<Language, Words>> = { en, ar };

export const RIGHT_TO_LEFT: ReadonlySet<Language> = new Set<Language>(["ar"]);

export type Say = (key: Key, values?: Readonly<Record<string, string>>) => string;

export function sayer(language: Language): Say {
  const words = CATALOGUES[language];
  return (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export type { Key };
