/** What components have in common: words, formats, and the figures of a view. */

import { useMemo } from "preact/hooks";
import { address } from "../address/navigation";
import { type Formats, formats, locale } from "../format/format";
import { type Figures, board } from "../state/figures";
import { shop, taste } from "../state/shop";
import { useStore } from "../state/store";
import { en } from "../words/en";
import { type Key, type Say, sayer } from "../words/words";

export function useSay(): Say {
  const language = useStore(taste, (it) => it.language);
  return useMemo(() => sayer(language), [language]);
}

export function useFormats(): Formats {
  const language = useStore(taste, (it) => it.language);
  const currency = useStore(shop, (it) => it.shop?.currency ?? "XXX");
  const zone = useStore(address, (it) => it.zone);
  return formatsOf(locale(language), currency, zone);
}

let made: { readonly key: string; readonly formats: Formats } | undefined;

/** One set of formats serves the whole page: making one takes a while. */
function formatsOf(language: string, currency: string, zone: string): Formats {
  const key = `${language} ${currency} ${zone}`;
  if (made?.key !== key) made = { key, formats: formats(language, currency, zone) };
  return made.formats;
}

const NONE: Figures = { data: undefined, position: 0, receivedAt: 0, problem: undefined };

export function useFigures<T>(path: string | undefined): Figures<T> {
  return useStore(board.store, (it) => (path === undefined ? NONE : (it.figures[path] ?? NONE))) as Figures<T>;
}

/** Whether an id is of what the demo made up. */
export function isGenerated(id: string): boolean {
  return id.startsWith("demo-");
}

/** How the API names what has no value. */
export const NO_VALUE = "(none)";

/** What an activity is, or a device: in words where there are some, else as it is stated. */
export function stated(say: Say, of: "device" | "activityType", value: string): string {
  if (value === NO_VALUE) return say("panel.none");
  const key = of === "device" ? `device.${value}` : `type.${value}`;
  return key in en ? say(key as Key) : value;
}

/** What a figure is shown with. */
export interface Shows {
  readonly say: Say;
  readonly formats: Formats;
}

export function useShows(): Shows {
  return { say: useSay(), formats: useFormats() };
}
