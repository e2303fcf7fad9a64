import type { Explained, Part } from "../address/address";
import { Opens } from "./Figure";
import { useSay } from "./use";

export interface Bar {
  readonly id: string;
  readonly name: string;
  readonly value: number;
  readonly shown: string;
  /** A quieter figure beside the first. */
  readonly second?: string;
  readonly generated?: boolean;
  /** The page about it. */
  readonly href?: string;
  /** What its figures are, and the part of them that it is. */
  readonly opens?: { readonly figure: Explained; readonly second?: Explained; readonly part: Part };
}

interface Props {
  readonly bars: readonly Bar[];
  /** It can be filtered by; left out for what has no value. */
  readonly onPick?: (bar: Bar) => void;
  readonly picked?: string | undefined;
}

/** A ranking: each row has a bar as long as its part of the longest one. */
export function Bars({ bars, onPick, picked }: Props) {
  const most = Math.max(...bars.map((it) => it.value), 0) || 1;
  return (
    <ol class="bars">
      {bars.map((bar) => (
        <li key={bar.id}>
          <span class="bar" style={{ inlineSize: `${Math.max(0, (bar.value / most) * 100)}%` }} />
          <Row bar={bar} isPicked={picked === bar.id} onPick={bar.opens === undefined ? undefined : onPick} />
        </li>
      ))}
    </ol>
  );
}

interface RowProps {
  readonly bar: Bar;
  readonly isPicked: boolean;
  readonly onPick: ((bar: Bar) => void) | undefined;
}

function Row({ bar, isPicked, onPick }: RowProps) {
  const say = useSay();
  const { name, shown, second, opens, href } = bar;
  return (
    <>
      <span class="name">
        {onPick === undefined ? (
          <bdi>{name}</bdi>
        ) : (
          <button type="button" aria-pressed={isPicked} title={say("panel.addFilter", { name })} onClick={() => onPick(bar)}>
            <bdi>{name}</bdi>
          </button>
        )}
        {bar.generated === true && <Generated />}
        {href !== undefined && (
          <a class="open" href={href} data-go="" aria-label={say("panel.open", { name })} title={say("panel.open", { name })}>
            <span aria-hidden="true" />
          </a>
        )}
      </span>
      {second !== undefined &&
        (opens?.second === undefined ? (
          <span class="second">{second}</span>
        ) : (
          <Opens class="second" figure={opens.second} part={opens.part} name={`${say(`figure.${opens.second}`)}, ${name}`}>
            {second}
          </Opens>
        ))}
      {opens === undefined ? (
        <span class="value">{shown}</span>
      ) : (
        <Opens class="value" figure={opens.figure} part={opens.part} name={`${say(`figure.${opens.figure}`)}, ${name}`}>
          {shown}
        </Opens>
      )}
    </>
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
