/** A secret that is shown here and never again. */
export function Once({ about, secret }: { readonly about: string; readonly secret: string }) {
  return (
    <div class="word" role="status">
      <p>{about}</p>
      <pre dir="ltr" tabIndex={0}>
        <code>{secret}</code>
      </pre>
    </div>
  );
}
