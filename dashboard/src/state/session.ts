/** Who is signed in. The refresh token is kept in this browser, the access token in this page alone. */

import { type Answer, type Ask, Problem, ask } from "./api";
import { Store } from "./store";

export const ROLES = ["admin", "manager", "analyst", "viewer"] as const;
export type Role = (typeof ROLES)[number];

export interface User {
  readonly id: string;
  readonly email: string;
  readonly username?: string | null;
  readonly role: Role;
}

export interface SessionState {
  /** `unknown` until a kept session was tried. */
  readonly is: "unknown" | "in" | "out";
  readonly user: User | undefined;
  /** Why it ended, where it did. */
  readonly ended: boolean;
}

interface Begun {
  readonly user?: User;
  readonly token: string;
  readonly refreshToken: string;
}

const KEPT = "adaptive-bi.refresh";

export const session = new Store<SessionState>({ is: "unknown", user: undefined, ended: false });

let token: string | undefined;
let refreshing: Promise<string> | undefined;

function begin({ user, token: access, refreshToken }: Begun): void {
  token = access;
  localStorage.setItem(KEPT, refreshToken);
  session.set({ is: "in", user: user ?? session.state.user, ended: false });
}

function end(ended: boolean): void {
  token = undefined;
  localStorage.removeItem(KEPT);
  session.set({ is: "out", user: undefined, ended });
}

/** Takes up the session that this browser keeps. */
export async function resume(): Promise<void> {
  if (localStorage.getItem(KEPT) === null) return session.set({ is: "out" });
  try {
    await refresh();
    const { data } = await authorized<{ user: User }>("/api/auth/me");
    session.set({ is: "in", user: data.user });
  } catch (error) {
    if (error instanceof Problem && error.isOffline) throw error;
    end(error instanceof Problem && error.status === 401);
  }
}

export async function signIn(email: string, password: string): Promise<void> {
  begin((await ask<Begun>("/api/auth/login", { method: "POST", body: { email, password } })).data);
}

export async function register(email: string, password: string): Promise<void> {
  begin((await ask<Begun>("/api/auth/register", { method: "POST", body: { email, password } })).data);
}

export async function signOut(): Promise<void> {
  // Whoever leaves is out on this page even where the service does not hear of it.
  await authorized("/api/auth/logout", { method: "POST" }).catch(() => undefined);
  end(false);
}

/** Exchanges the refresh token: once for all who ask meanwhile, and for one page of this browser at a time. */
function refresh(): Promise<string> {
  refreshing ??= exclusively(async () => {
    const refreshToken = localStorage.getItem(KEPT);
    if (refreshToken === null) throw new Problem(401, "unauthenticated", "Nobody is signed in");
    const { data } = await ask<Begun>("/api/auth/refresh", { method: "POST", body: { refreshToken } });
    token = data.token;
    localStorage.setItem(KEPT, data.refreshToken);
    return data.token;
  }).finally(() => {
    refreshing = undefined;
  });
  return refreshing;
}

function exclusively<T>(run: () => Promise<T>): Promise<T> {
  // Only pages over TLS or of this machine have locks.
  return navigator.locks === undefined ? run() : (navigator.locks.request(KEPT, run) as Promise<T>);
}

/** The access token; another one where the one before was refused. Ends the session where there is none. */
export async function credential({ refused }: { refused: boolean }): Promise<string> {
  if (token !== undefined && !refused) return token;
  try {
    return await refresh();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) end(true);
    throw error;
  }
}

/**
 * Asks as who is signed in. A token that has expired is renewed.
 *
 * @throws Problem
 */
export async function authorized<T>(path: string, options: Ask = {}): Promise<Answer<T>> {
  try {
    return await ask<T>(path, { ...options, token: await credential({ refused: false }) });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401 || session.state.is === "out") throw error;
    return await ask<T>(path, { ...options, token: await credential({ refused: true }) });
  }
}

/** Another page of this browser signed out. */
globalThis.addEventListener?.("storage", ({ key, newValue }) => {
  if (key === KEPT && newValue === null && session.state.is === "in") end(false);
});
