/** Requests to the service. */

/** An answer that is no success, as RFC 9457 has it. */
export class Problem extends Error {
  constructor(
    /** 0 where there was no answer. */
    readonly status: number,
    /** The last part of its type, such as `token-expired`. */
    readonly type: string,
    message: string,
    readonly fields: readonly { readonly field: string; readonly message: string }[] = [],
    readonly requestId = "",
  ) {
    super(message);
  }

  get isOffline(): boolean {
    return this.status === 0;
  }
}

export interface Answer<T> {
  readonly data: T;
  /** The position that it reflects, where it reflects one. */
  readonly position: number | undefined;
  readonly generation: number | undefined;
  readonly lag: number | undefined;
  readonly halted: string | undefined;
}

export interface Ask {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

const WITHIN_MS = 30_000;

/**
 * Asks the service.
 *
 * @throws Problem
 */
export async function ask<T>(path: string, { method = "GET", body, token, signal }: Ask = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = {};
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const signals = [AbortSignal.timeout(WITHIN_MS), ...(signal === undefined ? [] : [signal])];
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, body: JSON.stringify(body) ?? null, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new Problem(0, "offline", error instanceof Error ? error.message : String(error));
  }
  const json = (await answer.json().catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    // An answer that broke off is none; a refusal is one whatever it has to say.
    if (answer.ok && answer.status !== 204) throw new Problem(0, "offline", String(error));
    return {};
  })) as Record<string, unknown>;
  if (!answer.ok) throw problem(answer.status, json);
  const number = (name: string) => {
    const value = answer.headers.get(name);
    return value === null ? undefined : Number(value);
  };
  return {
    // An answer of a route that is no view has no envelope.
    data: ("data" in json ? json.data : json) as T,
    position: number("x-position"),
    generation: number("x-generation"),
    lag: number("x-lag"),
    halted: answer.headers.get("x-halted") ?? undefined,
  };
}

/** What failed, as a problem: an error that is none was no answer of the service. */
export function problemOf(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "offline", String(error));
}

/** A problem from its JSON. */
export function problem(status: number, json: Record<string, unknown>): Problem {
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const type = text(json.type).split("/").pop() ?? "";
  const message = text(json.message) || text(json.title) || `status ${status}`;
  const fields = Array.isArray(json.errors) ? (json.errors as Problem["fields"]) : [];
  return new Problem(status, type, message, fields, text(json.requestId));
}
