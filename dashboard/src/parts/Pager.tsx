import { useSay } from "./use";

interface Props {
  /** Leads to the first page; left out on it. */
  readonly onFirst?: (() => void) | undefined;
  /** Leads to the next page; left out on the last. */
  readonly onNext?: (() => void) | undefined;
}

/** The way through a list that has pages. */
export function Pager({ onFirst, onNext }: Props) {
  const say = useSay();
  if (onFirst === undefined && onNext === undefined) return null;
  return (
    <div class="pager">
      {onFirst !== undefined && (
        <button type="button" onClick={onFirst}>
          {say("list.first")}
        </button>
      )}
      {onNext !== undefined && (
        <button type="button" onClick={onNext}>
          {say("list.next")}
        </button>
      )}
    </div>
  );
}
