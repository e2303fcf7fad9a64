import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { taste } from "../state/shop";
import { useStore } from "../state/store";

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** The main line has the accent; another one is quiet and dashed. */
  readonly quiet?: boolean;
}

interface Props {
  /** The short names of the points, and the long ones that the tooltip shows. */
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  readonly shown: (value: number) => string;
  readonly axis: (value: number) => string;
  readonly height?: number;
  /** The chart in words, for screen readers. */
  readonly alt: string;
  /** A part was chosen by dragging: the indices of its first and last point. */
  readonly onSelect?: (first: number, last: number) => void;
  /** A point was clicked. */
  readonly onPick?: (at: number) => void;
}

interface Hover {
  readonly at: number;
  readonly left: number;
}

/** The colours of these names as they are now: a canvas takes no variables. */
function colours<N extends string>(names: readonly N[]): Record<N, string> {
  const probe = document.body.appendChild(document.createElement("i"));
  const found = names.map((name) => {
    probe.style.color = `var(${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(found) as Record<N, string>;
}

/** Whether it is dark, by the person's choice or the device's. */
function useDark(): boolean {
  const theme = useStore(taste, (it) => it.theme);
  const media = globalThis.matchMedia("(prefers-color-scheme: dark)");
  const [device, set] = useState(media.matches);
  useEffect(() => {
    const changed = () => set(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [media]);
  return theme === "auto" ? device : theme === "dark";
}

/** Lines over time. Time runs from left to right in every language. */
export function Chart(props: Props) {
  const { labels, series, shown, height = 260, alt } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [hover, setHover] = useState<Hover>();
  const isDark = useDark();
  const shape = `${series.map((it) => it.quiet === true).join()}/${isDark}/${height}`;
  const data = (): uPlot.AlignedData => {
    const { labels, series } = latest.current;
    return [labels.map((_, at) => at), ...series.map((it) => [...it.values])] as uPlot.AlignedData;
  };

  useEffect(() => {
    const parent = box.current;
    if (parent === null) return;
    const made = new uPlot(options(parent.clientWidth, height, latest, setHover), data(), parent);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }));
    watcher.observe(parent);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(data()), [labels, series]);

  const at = hover !== undefined && hover.at < labels.length ? hover.at : undefined;
  return (
    <div class="chart" dir="ltr">
      <div ref={box} role="img" aria-label={alt} style={{ blockSize: `${height}px` }} />
      {at !== undefined && hover !== undefined && (
        <div class="tip" style={{ left: `clamp(80px, ${hover.left}px, calc(100% - 80px))` }}>
          <b>{labels[at]}</b>
          {series.map((it) => (
            <span key={it.name} class={it.quiet === true ? "quiet" : ""}>
              {it.name} <i>{it.values[at] === null || it.values[at] === undefined ? "–" : shown(it.values[at])}</i>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

function options(
  width: number,
  height: number,
  latest: { current: Props },
  setHover: (hover: Hover | undefined) => void,
): uPlot.Options {
  const { series } = latest.current;
  const colour = colours(["--accent", "--accent-soft", "--line-quiet", "--text-2", "--border"]);
  let hasDragged = false;
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 28, 0, 0],
    scales: {
      x: { time: false, range: (_, least, most) => [least, Math.max(most, least + 1)] },
      y: { range: (_, least, most) => (most <= 0 && least >= 0 ? [0, 1] : [Math.min(0, least * 1.08), most * 1.08]) },
    },
    axes: [
      {
        stroke: colour["--text-2"],
        font,
        size: 28,
        grid: { show: false },
        ticks: { show: false },
        space: 72,
        incrs: [1, 2, 5, 7, 10, 14, 20, 30, 50, 100],
        values: (_, splits) => splits.map((at) => latest.current.labels[at] ?? ""),
      },
      {
        stroke: colour["--text-2"],
        font,
        size: (_, values) => 16 + 7 * Math.max(3, ...(values ?? []).map((it) => it.length)),
        space: 44,
        grid: { stroke: colour["--border"], width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map((value) => latest.current.axis(value)),
      },
    ],
    cursor: {
      points: { size: 7, width: 2 },
      y: false,
      drag: { x: latest.current.onSelect !== undefined, y: false, setScale: false },
    },
    series: [
      {},
      ...series.map((it): uPlot.Series =>
        it.quiet === true
          ? { stroke: colour["--line-quiet"], width: 1.5, dash: [4, 4], points: { show: false } }
          : { stroke: colour["--accent"], width: 2, fill: colour["--accent-soft"], points: { show: latest.current.labels.length < 3 } },
      ),
    ],
    hooks: {
      ready: [
        (plot) => {
          // A click is what a drag of no width is, too.
          plot.over.addEventListener("click", () => {
            const { idx } = plot.cursor;
            if (!hasDragged && idx !== null && idx !== undefined) latest.current.onPick?.(idx);
            hasDragged = false;
          });
        },
      ],
      setCursor: [
        ({ cursor: { idx, left = 0 }, bbox }) => {
          const isOff = idx === null || idx === undefined || left < 0;
          setHover(isOff ? undefined : { at: idx, left: left + bbox.left / devicePixelRatio });
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 8) return;
          hasDragged = true;
          const index = (x: number) => Math.round(plot.posToVal(x, "x"));
          const last = latest.current.labels.length - 1;
          const first = Math.max(0, Math.min(last, index(left)));
          latest.current.onSelect?.(first, Math.max(first, Math.min(last, index(left + width))));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}
