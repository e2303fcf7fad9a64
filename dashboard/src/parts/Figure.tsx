import type { ComponentChildren } from "preact";
import type { Figure, Made, Part } from "../address/address";
import { go } from "../address/navigation";
import { useSay } from "./use";

interface Props {
  readonly figure: Figure | Made;
  /** The part of it that this is. */
  readonly part?: Part | undefined;
  /** What it is called, for who does not see where it stands. */
  readonly name: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A figure that opens what it is made of. */
export function Opens({ figure, part, name, class: kind = "figure", children }: Props) {
  const say = useSay();
  return (
    <button type="button" class={kind} title={say("card.explain", { name })} onClick={() => go({ explain: figure, part })}>
      {children}
    </button>
  );
}
