import { type Bar, Bars } from "../../parts/Bars";
import { Panel } from "../../parts/Panel";
import { Opens } from "../../parts/Figure";
import { useFigures, useFormats, useSay } from "../../parts/use";
import type { Feedback, Funnel } from "../../state/shapes";
import { FunnelSteps } from "./FunnelSteps";

export function FunnelPanel({ path }: { readonly path: string }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Funnel>(path);
  const { stages = [], conversion = 0 } = figures.data ?? {};
  return (
    <Panel
      title={say("panel.funnel")}
      about={say("panel.funnelAbout")}
      figures={figures}
      view="/api/metrics/funnel"
      isEmpty={(stages[0]?.users ?? 0) === 0}
      fill="activity"
    >
      {() => (
        <>
          <FunnelSteps stages={stages} />
          <p class="quiet">
            {say("figure.conversion")}{" "}
            <Opens figure="conversion" name={say("figure.conversion")}>
              {formats.percent(conversion)}
            </Opens>
          </p>
        </>
      )}
    </Panel>
  );
}

export function Ratings({ path }: { readonly path: string }) {
  const say = useSay();
  const formats = useFormats();
  const figures = useFigures<Feedback>(path);
  const { totalRatings = 0, averageRating = 0, distribution } = figures.data ?? {};
  // The stars are of all, whatever the filters.
  const bars = [...(distribution ?? [])].reverse().map(
    ({ rating, count }): Bar => ({
      id: String(rating),
      name: say("rating.stars", { n: formats.number(rating) }),
      value: count,
      shown: formats.number(count),
      opens: { figure: "ratings", part: { name: "rating", value: String(rating) } },
    }),
  );
  return (
    <Panel
      title={say("panel.ratings")}
      about={say("panel.ratingsAbout")}
      figures={figures}
      view="/api/metrics/feedback"
      isEmpty={totalRatings === 0}
      fill="feedback"
    >
      {() => (
        <>
          <p class="big">
            <Opens figure="averageRating" name={say("figure.averageRating")}>
              {formats.number(averageRating)}
            </Opens>{" "}
            <Opens class="figure quiet" figure="ratings" name={say("figure.ratings")}>
              {say("rating.count", { n: formats.number(totalRatings) })}
            </Opens>
          </p>
          <Bars bars={bars} />
        </>
      )}
    </Panel>
  );
}
