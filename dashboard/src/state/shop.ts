/** What is known before somebody signs in, and what this browser keeps of a person's taste. */

import { ask } from "./api";
import { Store } from "./store";

export interface Shop {
  readonly currency: string;
  readonly language: string;
  readonly registration: boolean;
  readonly mail: boolean;
  readonly demo: readonly { readonly email: string; readonly password: string; readonly role: string }[] | null;
}

export interface Taste {
  readonly language: "en" | "ar";
  readonly theme: "auto" | "light" | "dark";
}

export const shop = new Store<{ readonly shop: Shop | undefined }>({ shop: undefined });

const KEPT = "adaptive-bi.taste";

function kept(): Taste {
  const wanted = globalThis.navigator?.language?.startsWith("ar") === true ? "ar" : "en";
  const fallback: Taste = { language: wanted, theme: "auto" };
  try {
    const read = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Taste>;
    return {
      language: read.language === "ar" || read.language === "en" ? read.language : fallback.language,
      theme: read.theme === "light" || read.theme === "dark" ? read.theme : "auto",
    };
  } catch {
    return fallback;
  }
}

export const taste = new Store<Taste>(kept());

taste.subscribe(() => localStorage.setItem(KEPT, JSON.stringify(taste.state)));

/** @throws Problem */
export async function learn(): Promise<void> {
  shop.set({ shop: (await ask<Shop>("/api/about")).data });
}
