import { useSay } from "../use";

/** Asks for one more page. */
export function More({ onMore }: { readonly onMore: (() => void) | undefined }) {
  const say = useSay();
  if (onMore === undefined) return null;
  return (
    <button type="button" onClick={onMore}>
      {say("explain.more")}
    </button>
  );
}
