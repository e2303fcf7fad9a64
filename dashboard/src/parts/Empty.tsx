import { useSay } from "./use";

const EXAMPLES = {
  order: [
    "transaction",
    `{"transactionId":"mine-1","userId":"me","totalPrice":12.5,"transactionDate":"NOW"}`,
  ],
  activity: [
    "activity",
    `{"activityId":"visit-1","userId":"me","activityType":"viewed_product","productId":"p1","timestamp":"NOW"}`,
  ],
  feedback: ["feedback", `{"feedbackId":"f-1","userId":"me","productId":"p1","rating":5,"feedbackDate":"NOW"}`],
} as const;

/** Nothing is there, and what would change that. */
export function Empty({ fill, isSmall }: { readonly fill: keyof typeof EXAMPLES; readonly isSmall: boolean }) {
  const say = useSay();
  const [kind, payload] = EXAMPLES[fill];
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const command = `curl ${globalThis.location.origin}/api/events/${kind} -H "X-API-Key: $KEY" -H 'content-type: application/json' -d '${payload.replace("NOW", now)}'`;
  const shown = (
    <pre dir="ltr" tabIndex={0}>
      <code>{command}</code>
    </pre>
  );
  return (
    <div class="empty">
      {isSmall ? (
        <>
          <p class="quiet">{say(`empty.${fill}`)}</p>
          <details>
            <summary class="link">{say("panel.send")}</summary>
            {shown}
          </details>
        </>
      ) : (
        <>
          <p>{say(`empty.${fill}`)}</p>
          <p class="quiet">{say("panel.emptyNext")}</p>
          {shown}
        </>
      )}
    </div>
  );
}
