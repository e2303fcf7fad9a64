import { useEffect } from "preact/hooks";
import { useViews } from "../../parts/useViews";
import { alerts, look } from "../../state/alerts";
import { useAsked } from "../../state/asked";
import { useStore } from "../../state/store";
import { Past } from "./Past";
import { Rules } from "./Rules";
import type { Rule } from "./rule";

/** How often the rules are asked for, in milliseconds: how they stand changes by itself. */
const EVERY = 5_000;

/** Rules that tell when a figure comes to hold, and what they told. */
export function Alerts() {
  useViews([]);
  const recorded = useStore(alerts, (it) => it.recorded);
  // Whoever has the page open has seen them.
  useEffect(look, [recorded]);
  const listed = useAsked<{ alerts: readonly Rule[] }>("/api/alerts", EVERY);
  return (
    <div class="grid">
      <Rules listed={listed} />
      <Past rules={listed.data?.alerts ?? []} />
    </div>
  );
}
