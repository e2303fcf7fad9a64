import { useEffect, useState } from "preact/hooks";
import { address } from "../address/navigation";
import { today } from "../address/range";
import { board } from "../state/figures";
import { useStore } from "../state/store";

/** Shows these views while the page is here: asks for them, and follows them while it is live. */
export function useViews(paths: readonly (string | undefined)[]): void {
  const live = useStore(address, (it) => it.live);
  const wanted = paths.filter((path) => path !== undefined);
  const key = wanted.join("\n");
  useEffect(() => board.show(wanted, live), [key, live]);
  useToday();
}

/** Draws again when another day begins in the zone of the page, as presets are of other days then. */
function useToday(): void {
  const zone = useStore(address, (it) => it.zone);
  const [day, setDay] = useState(() => today(zone));
  useEffect(() => {
    const timer = setInterval(() => setDay(today(zone)), 10_000);
    return () => clearInterval(timer);
  }, [zone]);
  useEffect(() => address.set({ ...address.state, filters: { ...address.state.filters } }), [day]);
}
