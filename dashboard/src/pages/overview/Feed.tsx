import { useEffect, useRef, useState } from "preact/hooks";
import { link } from "../../address/navigation";
import { Generated } from "../../parts/Bars";
import { Panel } from "../../parts/Panel";
import { isGenerated, useFigures, useFormats, useSay } from "../../parts/use";
import type { Orders } from "../../state/shapes";

/** The newest orders, as they come. Paused, it stays as it is. */
export function Feed({ path }: { readonly path: string }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Orders>(path);
  const [isPaused, setPaused] = useState(false);
  const shown = useRef(figures);
  if (!isPaused || shown.current.data === undefined) shown.current = figures;
  const orders = shown.current.data?.orders ?? [];
  const known = useRef<ReadonlySet<string> | undefined>(undefined);
  const fresh = new Set(known.current === undefined ? [] : orders.map((it) => it.orderId).filter((it) => !known.current?.has(it)));
  useEffect(() => {
    if (orders.length > 0) known.current = new Set(orders.map((it) => it.orderId));
  });
  return (
    <Panel
      title={say("panel.feed")}
      figures={shown.current}
      view="/api/orders"
      isEmpty={orders.length === 0}
      rows={12}
      tools={
        <button type="button" class="link" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {say(isPaused ? "panel.resume" : "panel.pause")}
        </button>
      }
    >
      {() => (
        <ol class="feed">
          {orders.map((it) => (
            <li key={it.orderId} class={fresh.has(it.orderId) ? "arrived" : ""}>
              <time dateTime={it.orderDate}>{formats.moment(it.orderDate)}</time>
              <a href={link({ page: "orders", id: it.orderId })} data-go="">
                {it.orderId}
              </a>
              {isGenerated(it.orderId) && <Generated />}
              <span class={`status ${it.status}`}>{say(`status.${it.status}`)}</span>
              <span class="value">{formats.money(it.netSales)}</span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
