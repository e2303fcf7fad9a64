import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { SlotContext } from "../../parts/slot";
import { useSay } from "../../parts/use";
import {
  type Layout,
  PANELS,
  type PanelId,
  USUAL,
  added,
  change,
  layout,
  load,
  moved,
  put,
  removed,
  resized,
} from "../../state/layout";
import { useStore } from "../../state/store";

interface Props {
  /** What draws each panel. */
  readonly panels: Readonly<Record<PanelId, () => ComponentChildren>>;
}

/** The panels in the person's own order; they can be arranged, by mouse and by keyboard. */
export function Arranged({ panels }: Props) {
  const say = useSay();
  const placed = useStore(layout, (it) => it.layout);
  const [isArranging, setArranging] = useState(false);
  const [dragged, setDragged] = useState<PanelId>();
  useEffect(() => void load(), []);
  if (placed === undefined) return null;
  const missing = PANELS.filter((id) => !placed.some((it) => it.id === id));
  return (
    <>
      <div class={`grid ${isArranging ? "arranging" : ""}`}>
        {placed.map(({ id, size }) => {
          // The one that is tall has two rows of others beside it.
          const shape = id === "retention" && size === "wide" ? "wide tall" : size;
          if (!isArranging) {
            return (
              <SlotContext.Provider key={id} value={{ size: shape }}>
                {panels[id]()}
              </SlotContext.Provider>
            );
          }
          return (
            <div
              key={id}
              class={`slot ${shape} ${dragged === id ? "dragged" : ""}`}
              draggable
              onDragStart={() => setDragged(id)}
              onDragEnd={() => setDragged(undefined)}
              onDragOver={(event) => event.preventDefault()}
              onDragEnter={() => dragged !== undefined && dragged !== id && change(put(placed, dragged, id))}
            >
              <SlotContext.Provider value={{ size: "whole", tools: <Tools id={id} placed={placed} /> }}>
                {panels[id]()}
              </SlotContext.Provider>
            </div>
          );
        })}
      </div>
      <div class="arrange">
        {isArranging && (
          <>
            {missing.map((id) => (
              <button key={id} type="button" onClick={() => change(added(placed, id))}>
                + {say(NAMES[id])}
              </button>
            ))}
            <button type="button" onClick={() => change(USUAL)}>
              {say("arrange.usual")}
            </button>
          </>
        )}
        <button type="button" class={isArranging ? "main" : ""} onClick={() => setArranging(!isArranging)}>
          {say(isArranging ? "arrange.done" : "arrange.begin")}
        </button>
      </div>
    </>
  );
}

const NAMES = {
  sales: "panel.salesOverTime",
  feed: "panel.feed",
  category: "panel.byCategory",
  country: "panel.byCountry",
  payment: "panel.byPayment",
  products: "panel.topProducts",
  customers: "panel.topCustomers",
  retention: "panel.retention",
  funnel: "panel.funnel",
  ratings: "panel.ratings",
} as const satisfies Record<PanelId, string>;

function Tools({ id, placed }: { readonly id: PanelId; readonly placed: Layout }) {
  const say = useSay();
  const name = say(NAMES[id]);
  const button = (key: "arrange.earlier" | "arrange.later" | "arrange.size" | "arrange.remove", sign: string, next: () => Layout) => (
    <button type="button" title={say(key)} aria-label={`${say(key)}: ${name}`} onClick={() => change(next())}>
      <span aria-hidden="true">{sign}</span>
    </button>
  );
  return (
    <span class="slot-tools" dir="ltr">
      {button("arrange.earlier", "←", () => moved(placed, id, -1))}
      {button("arrange.later", "→", () => moved(placed, id, 1))}
      {button("arrange.size", "↔", () => resized(placed, id))}
      {button("arrange.remove", "×", () => removed(placed, id))}
    </span>
  );
}
