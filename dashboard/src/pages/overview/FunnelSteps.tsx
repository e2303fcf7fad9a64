import { Opens } from "../../parts/Figure";
import { useFormats, useSay } from "../../parts/use";
import type { Funnel } from "../../state/shapes";

/** The steps on the way to an order, each with the part that came so far. */
export function FunnelSteps({ stages }: { readonly stages: Funnel["stages"] }) {
  const say = useSay();
  const formats = useFormats();
  const all = stages[0]?.users || 1;
  return (
    <ol class="funnel">
      {stages.map(({ stage, users }) => (
        <li key={stage}>
          <span>{say(`funnel.${stage}`)}</span>
          <b>
            <Opens figure={stage} name={say(`funnel.${stage}`)}>
              {formats.number(users)}
            </Opens>
          </b>
          <span class="quiet">{formats.percent(users / all)}</span>
          <span class="step" style={{ inlineSize: `${(users / all) * 100}%` }} />
        </li>
      ))}
    </ol>
  );
}
