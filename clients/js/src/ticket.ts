/** Tickets: each opens one connection. */

/** Gives an access token or an API key. */
export type Credential = string | ((ask: { readonly refused: boolean }) => string | Promise<string>);

/** What came of asking for a ticket. */
export type Asked =
  | { readonly ticket: string }
  /** The credential is not valid, or may not follow anything. */
  | { readonly refused: string }
  /** It may work later, in so many milliseconds where the service said when. */
  | { readonly failed: string; readonly after?: number };

async function credentialOf(credential: Credential, refused: boolean): Promise<string> {
  return typeof credential === "string" ? credential : await credential({ refused });
}

/**
 * Asks for a ticket. Where the service does not know the credential, it is asked for once more, so a
 * token that expired meanwhile is renewed.
 *
 * @param within the milliseconds that the service has for an answer.
 */
export async function ticket(
  url: URL,
  credential: Credential,
  fetched: typeof fetch,
  within: number,
): Promise<Asked> {
  try {
    for (const refused of [false, true]) {
      const token = await credentialOf(credential, refused);
      const answer = await fetched(new URL("/api/stream/ticket", url), {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(within),
      });
      const body = (await answer.json().catch(() => ({}))) as {
        data?: { ticket?: string };
        message?: string;
      };
      if (answer.ok && body.data?.ticket !== undefined) return { ticket: body.data.ticket };
      const message = body.message ?? `status ${answer.status}`;
      if (answer.status === 401 && !refused && typeof credential !== "string") continue;
      if (answer.status === 401 || answer.status === 403) return { refused: message };
      const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
      return Number.isFinite(seconds) ? { failed: message, after: seconds * 1_000 } : { failed: message };
    }
    return { refused: "the credential was refused" };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
