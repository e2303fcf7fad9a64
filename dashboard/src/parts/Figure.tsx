import type { ComponentChildren } from "preact";
import type { Explained, Part } from "../address/address";
import { go } from "../address/navigation";
import { useSay } from "./use";

interface Props {
  readonly figure: Explained;
  /** The part of it that this is. */
  readonly part?: Part | undefined;
  /** Whether it is that of the time that is compared with. */
  readonly isBefore?: boolean;
  /** What it is called, for who does not see where it stands. */
  readonly name: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A figure that opens what it is made of. */
export function Opens({ figure, part, isBefore, name, class: kind = "figure", children }: Props) {
  const say = useSay();
  const open = () => go({ explain: figure, part, ...(isBefore === true ? { isBefore } : {}) });
  return (
    <button type="button" class={kind} title={say("card.explain", { name })} onClick={open}>
      {children}
    </button>
  );
}
