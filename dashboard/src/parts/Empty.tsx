import { useSay } from "./use";

const EXAMPLES = {
  order: [
    "transaction",
    `{"transactionId":"mine-1","userId":"me","totalPrice":12.5,"transactionDate":"NOW"}`,
  ],
  activity: [
    "activity",
    `{"activityId":"visit-1","userId":"me","activityType":"viewed_product","productId":"p1","activityDate":"NOW"}`,
  ],
  feedback: ["feedback", `{"feedbackId":"f-1","userId":"me","productId":"p1","rating":5,"feedbackDate":"NOW"}`],
} as const;

/** Nothing is there, and what would change that. */
export function Empty({ fill }: { readonly fill: keyof typeof EXAMPLES }) {
  const say = useSay();
  const [kind, payload] = EXAMPLES[fill];
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const next = { order: "panel.emptyNext", activity: "panel.emptyVisits", feedback: "panel.emptyRatings" } as const;
  const command = `curl ${globalThis.location.origin}/api/events/${kind} -H "X-API-Key: $KEY" -H 'content-type: application/json' -d '${payload.replace("NOW", now)}'`;
  return (
    <div class="empty">
      {fill === "order" && <p>{say("panel.empty")}</p>}
      <p class="quiet">{say(next[fill])}</p>
      <pre dir="ltr" tabIndex={0}>
        <code>{command}</code>
      </pre>
    </div>
  );
}
