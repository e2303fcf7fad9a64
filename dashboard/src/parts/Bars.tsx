import type { ComponentChildren } from "preact";
import { useSay } from "./use";

export interface Bar {
  readonly id: string;
  readonly name: string;
  readonly value: number;
  readonly shown: string;
  /** A quieter figure beside the first. */
  readonly second?: string;
  readonly generated?: boolean;
}

interface Props {
  readonly bars: readonly Bar[];
  readonly onPick?: (bar: Bar) => void;
  /** What a bar opens instead, where it is a link. */
  readonly href?: (bar: Bar) => string;
  readonly picked?: string | undefined;
}

/** A ranking: each row has a bar as long as its part of the longest one. */
export function Bars({ bars, onPick, href, picked }: Props) {
  const say = useSay();
  const most = Math.max(...bars.map((it) => it.value), 0) || 1;
  return (
    <ol class="bars">
      {bars.map((bar) => (
        <li key={bar.id}>
          <span class="bar" style={{ inlineSize: `${Math.max(0, (bar.value / most) * 100)}%` }} />
          <Name bar={bar}>
            {href !== undefined ? (
              <a href={href(bar)} data-go="">
                {bar.name}
              </a>
            ) : onPick !== undefined ? (
              <button
                type="button"
                aria-pressed={picked === bar.id}
                title={say("panel.addFilter", { name: bar.name })}
                onClick={() => onPick(bar)}
              >
                {bar.name}
              </button>
            ) : (
              bar.name
            )}
          </Name>
          {bar.second !== undefined && <span class="second">{bar.second}</span>}
          <span class="value">{bar.shown}</span>
        </li>
      ))}
    </ol>
  );
}

function Name({ bar, children }: { readonly bar: Bar; readonly children: ComponentChildren }) {
  return (
    <span class="name">
      {children}
      {bar.generated === true && <Generated />}
    </span>
  );
}

/** Marks what the demo made up. */
export function Generated() {
  const say = useSay();
  return (
    <span class="tag" title={say("panel.generatedAbout")}>
      {say("panel.generated")}
    </span>
  );
}
