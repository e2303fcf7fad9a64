import type { Problem } from "../state/api";
import { fieldSentence, sentence } from "../words/problems";
import { taste } from "../state/shop";
import { useStore } from "../state/store";
import { useSay } from "./use";

/** The language in which the service says what is wrong. */
const OF_SERVICE = "en";

interface Props {
  readonly problem: Problem;
  /** What it says by itself, where that is known better. */
  readonly title?: string;
}

/** Why something failed: in the page's words, and behind them in the service's own, which are English. */
export function Told({ problem, title }: Props) {
  const say = useSay();
  if (problem.isOffline) return <p>{say("panel.offline")}</p>;
  return (
    <>
      <p>{title ?? sentence(say, problem)}</p>
      <Detail text={detail(problem)} />
      {problem.requestId !== "" && <p class="quiet">{say("panel.requestId", { id: problem.requestId })}</p>}
    </>
  );
}

/** What the service said, word by word. */
export function Detail({ text }: { readonly text: string }) {
  return text === "" ? null : (
    <p class="quiet detail" lang={OF_SERVICE} dir="ltr">
      {text}
    </p>
  );
}

/** The same as an alert, below what was asked for. */
export function Wrong({ problem }: { readonly problem: Problem | undefined }) {
  if (problem === undefined) return null;
  return (
    <div class="wrong" role="alert">
      <Told problem={problem} />
    </div>
  );
}

interface WrongFieldProps {
  readonly id: string;
  readonly problem: Problem | undefined;
  /** The names that the service has for it. */
  readonly names: readonly string[];
}

/** What is wrong with a field of a form. Who reads the service's language is told by the service alone, as it says more. */
export function WrongField({ id, problem, names }: WrongFieldProps) {
  const say = useSay();
  const language = useStore(taste, (it) => it.language);
  const wrong = problem?.fields.find(({ field }) => names.includes(field));
  if (wrong === undefined) return null;
  return (
    <span id={id} class="wrong" role="alert">
      {language !== OF_SERVICE && <span>{fieldSentence(say, wrong.field)}</span>}
      <span class="detail" lang={OF_SERVICE} dir="ltr">
        {wrong.message}
      </span>
    </span>
  );
}

function detail({ fields, message }: Problem): string {
  return fields.length === 0 ? message : fields.map((it) => `${it.field} ${it.message}`).join("; ");
}

