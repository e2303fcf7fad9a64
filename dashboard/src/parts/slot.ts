import { type ComponentChildren, createContext } from "preact";

/** The place that a panel stands in: how wide it is, and what can be done with the place. */
export interface Slot {
  readonly size: string;
  readonly tools?: ComponentChildren;
}

export const SlotContext = createContext<Slot | undefined>(undefined);
