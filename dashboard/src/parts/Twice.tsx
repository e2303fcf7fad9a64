import { useEffect, useState } from "preact/hooks";
import { useSay } from "./use";

interface Props {
  readonly name: string;
  /** What it is done to, for who does not see where it stands. */
  readonly about?: string;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}

/** How long it waits for the second click, in milliseconds. */
const WAITS = 4_000;

/** A button for what cannot be taken back: it asks once more. */
export function Twice({ name, about, disabled, onClick }: Props) {
  const say = useSay();
  const [isAsked, setAsked] = useState(false);
  useEffect(() => {
    if (!isAsked) return;
    const timer = setTimeout(() => setAsked(false), WAITS);
    return () => clearTimeout(timer);
  }, [isAsked]);
  const click = () => {
    if (isAsked) onClick();
    setAsked(!isAsked);
  };
  return (
    <button
      type="button"
      class={isAsked ? "wrong" : ""}
      disabled={disabled ?? false}
      aria-label={[name, about, isAsked ? say("app.sure") : undefined].filter((it) => it !== undefined).join(": ")}
      onClick={click}
    >
      {isAsked ? say("app.sure") : name}
    </button>
  );
}
