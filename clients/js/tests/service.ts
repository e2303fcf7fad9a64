/** The real program with servers and a folder of its own, and a wire to it that can be cut. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = process.env.ADAPTIVE_BI ?? new URL("../../../target/debug/adaptive-bi", import.meta.url).pathname;
const EMAIL = "admin@shop.example";
const PASSWORD = "seven lamps of 1849";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Tries until it does not fail, for a minute. */
export async function until<T>(what: string, attempt: () => T | Promise<T>): Promise<T> {
  const by = Date.now() + 60_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > by) throw new Error(`${what}: ${String(error)}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

export interface Session {
  token: string;
  refreshToken: string;
}

export class Service {
  #child: ChildProcess | undefined;
  #token = "";
  #said = "";

  private constructor(
    readonly port: number,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Service> {
    const service = new Service(await freePort(), await mkdtemp(join(tmpdir(), "adaptive-bi-js-")));
    await service.run();
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts the program on the folder. */
  async run(): Promise<void> {
    const child = spawn(PROGRAM, ["serve", "--bind", `127.0.0.1:${this.port}`, "--data-dir", this.folder], {
      env: { ...process.env, ADMIN_EMAIL: EMAIL, ADMIN_PASSWORD: PASSWORD, LOG_LEVEL: "warn,access=off" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) output?.on("data", (data) => (this.#said += String(data)));
    await until("the program is ready", async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${this.#said}`);
      const answer = await fetch(`${this.url}/health/ready`);
      if (!answer.ok) throw new Error(await answer.text());
    });
    this.#token = (await this.signIn()).token;
  }

  /** Ends the program with a signal. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.folder, { recursive: true, force: true });
  }

  async ask<T>(method: string, path: string, body?: unknown, token = this.#token): Promise<T> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(this.url + path, { method, headers, body: JSON.stringify(body) ?? null });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** The figures of a view, and the position and generation that they reflect. */
  async figures(path: string, atLeast = 0): Promise<{ position: number; data: Record<string, unknown> }> {
    const answer = await fetch(this.url + path, {
      headers: { authorization: `Bearer ${this.#token}`, "x-min-position": String(atLeast), prefer: "wait=30" },
    });
    if (!answer.ok) throw new Error(await answer.text());
    const { data } = (await answer.json()) as { data: Record<string, unknown> };
    return { position: Number(answer.headers.get("x-position")), data };
  }

  async signIn(): Promise<Session> {
    const body = { email: EMAIL, password: PASSWORD };
    const { data } = await this.ask<{ data: Session }>("POST", "/api/auth/login", body);
    return data;
  }

  /** Sells something; returns the position of the event. */
  async sell(id: string, pence: number): Promise<number> {
    const transactionDate = new Date().toISOString();
    const sale = { transactionId: id, userId: "ann", totalPrice: pence / 100, transactionDate };
    const { data } = await this.ask<{ data: { position: number } }>("POST", "/api/events/transaction", sale);
    return data.position;
  }
}

/** A wire to a port. Cut, it drops every connection, and takes none until it is mended. */
export class Wire {
  readonly #open = new Set<Socket>();
  #isCut = false;
  /** Connections so far. */
  count = 0;

  private constructor(private readonly server: Server) {}

  static async to(port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on("connection", (near) => wire.#join(near, port));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
  }

  /** Carries nothing any more, and says nothing of it. */
  freeze(): void {
    for (const socket of this.#open) socket.unpipe().pause();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #join(near: Socket, port: number): void {
    if (this.#isCut) return void near.destroy();
    this.count += 1;
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
