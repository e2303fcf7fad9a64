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
  // A state that the service has and this page does not know is named as the service names it.
  return (key, values = {}) => (words[key] ?? key.split(".").pop()).replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export type { Key };
