import { Component, type ComponentChildren } from "preact";
import { useSay } from "./use";

interface Props {
  readonly children: ComponentChildren;
}

/** What is around a page, so that one that cannot be drawn leaves the way to the others. */
export class Guard extends Component<Props, { readonly isBroken: boolean }> {
  override state = { isBroken: false };

  static override getDerivedStateFromError() {
    return { isBroken: true };
  }

  override componentDidCatch(error: unknown) {
    console.error(error);
  }

  override render({ children }: Props) {
    return this.state.isBroken ? <Broken onAgain={() => this.setState({ isBroken: false })} /> : children;
  }
}

function Broken({ onAgain }: { readonly onAgain: () => void }) {
  const say = useSay();
  return (
    <div class="notice" role="alert">
      <p>{say("app.broken")}</p>
      <button type="button" onClick={onAgain}>
        {say("app.retry")}
      </button>
    </div>
  );
}
