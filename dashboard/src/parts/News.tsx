import { link } from "../address/navigation";
import { alerts, dismiss } from "../state/alerts";
import { useStore } from "../state/store";
import { useSay } from "./use";

/** Says that an alert came while the page is open, on whichever page that is. */
export function News() {
  const say = useSay();
  const fresh = useStore(alerts, (it) => it.fresh);
  return (
    <div class="news" role="status">
      {fresh !== undefined && (
        <div class="sheet">
          <p>
            <b>{say("alert.came")}</b> {fresh.name}
          </p>
          <a href={link({ page: "alerts", id: undefined })} data-go="">
            {say("alert.look")}
          </a>
          <button type="button" aria-label={say("explain.close")} onClick={dismiss}>
            <span aria-hidden="true">×</span>
          </button>
        </div>
      )}
    </div>
  );
}
