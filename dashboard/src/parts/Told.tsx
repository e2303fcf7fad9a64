import type { Problem } from "../state/api";
import { fieldSentence, sentence } from "../words/problems";
import { useSay } from "./use";

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
    <p class="quiet detail" lang="en" dir="ltr">
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

/** What is wrong with a field of a form. */
export function WrongField({ id, problem, names }: { readonly id: string; readonly problem: Problem | undefined; readonly names: readonly string[] }) {
  const say = useSay();
  const wrong = problem?.fields.find(({ field }) => names.includes(field));
  if (wrong === undefined) return null;
  return (
    <span id={id} class="wrong" role="alert">
      <span>{fieldSentence(say, wrong.field)}</span>
      <span class="detail" lang="en" dir="ltr">
        {wrong.message}
      </span>
    </span>
  );
}

function detail({ fields, message }: Problem): string {
  return fields.length === 0 ? message : fields.map((it) => `${it.field} ${it.message}`).join("; ");
}

