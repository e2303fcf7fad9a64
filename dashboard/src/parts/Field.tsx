import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Problem } from "../state/api";
import { WrongField } from "./Told";

/** What an input says of itself to those who do not see what stands beside it. */
export interface Described {
  readonly id: string;
  readonly "aria-invalid": boolean;
  readonly "aria-describedby": string | undefined;
}

interface Props {
  readonly label: string;
  /** The names that the API has for it. */
  readonly names: readonly string[];
  readonly problem: Problem | undefined;
  readonly hint?: string;
  readonly isWide?: boolean;
  readonly children: (described: Described) => ComponentChildren;
}

/** A field of a form, with what is wrong with it below. */
export function Field({ label, names, problem, hint, isWide, children }: Props) {
  const id = useId();
  const isWrong = problem?.fields.some(({ field }) => names.includes(field)) === true;
  const described = { id, "aria-invalid": isWrong, "aria-describedby": isWrong ? `${id}w` : hint === undefined ? undefined : `${id}h` };
  return (
    <div class={isWide === true ? "field wide" : "field"}>
      <label for={id}>{label}</label>
      {children(described)}
      {hint !== undefined && (
        <span id={`${id}h`} class="quiet">
          {hint}
        </span>
      )}
      <WrongField id={`${id}w`} problem={problem} names={names} />
    </div>
  );
}
