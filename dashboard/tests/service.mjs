// The real program as a demo, with servers and a folder of its own; and a browser.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const PROGRAM = process.env.ADAPTIVE_BI ?? new URL("../../target/debug/adaptive-bi", import.meta.url).pathname;
const READY_WITHIN_MS = 300_000;

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Starts the program on a folder of its own; resolves once it is ready. */
async function start(isReady, command, options, settings) {
  const folder = await mkdtemp(join(tmpdir(), "adaptive-bi-page-"));
  const port = await freePort();
  const data = join(folder, "data");
  const child = spawn(PROGRAM, [command, "--bind", `127.0.0.1:${port}`, "--data-dir", data, ...options], {
    env: { ...process.env, LOG_LEVEL: "warn,access=off", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (data) => (said += data));
  const ended = new Promise((done) => child.once("exit", done));
  const url = `http://127.0.0.1:${port}`;
  const by = Date.now() + READY_WITHIN_MS;
  while (!(await isReady(url, said))) {
    if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
    if (Date.now() > by) throw new Error(`not ready: ${said}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    url,
    port,
    data,
    /** Asks as somebody; returns the answer's data. */
    async ask(method, path, body, token) {
      const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
      const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()).data;
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const answers = (url) => fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false);

/** A shop that nothing has happened in, and its admin. */
export async function empty() {
  const [email, password] = ["admin@shop.example", "seven lamps of 1849"];
  const shop = await start(answers, "serve", [], { ADMIN_EMAIL: email, ADMIN_PASSWORD: password });
  const { token } = await shop.ask("POST", "/api/auth/login", { email, password });
  const sell = (transactionId, totalPrice) =>
    shop.ask("POST", "/api/events/transaction", { transactionId, userId: "ann", totalPrice, transactionDate: new Date().toISOString() }, token);
  return { ...shop, email, password, sell };
}

/** Starts the demo; resolves once the year is folded. */
export async function demo(...options) {
  const service = await start((_url, said) => said.includes("Ctrl-C stops"), "demo", options, {});
  const { url, data } = service;
  const credentials = JSON.parse(await readFile(join(data, "credentials.json"), "utf8"));
  const key = { "x-api-key": credentials.producerKey };
  const read = async (path) => {
    const answer = await fetch(url + path, { headers: key });
    if (!answer.ok) throw new Error(await answer.text());
    return { data: (await answer.json()).data, position: Number(answer.headers.get("x-position")) };
  };
  const send = async (path, type, body) => {
    const answer = await fetch(url + path, { method: "POST", headers: { ...key, "content-type": type }, body });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()).data.position;
  };
  return {
    ...service,
    credentials,
    /** Sends an event; returns its position. */
    publish: (kind, payload) => send(`/api/events/${kind}`, "application/json", JSON.stringify(payload)),
    /** Sends many, each its kind and its payload, in one request; returns the position of the last one. */
    publishAll(events) {
      const lines = events.map(([kind, data]) => JSON.stringify({ kind, data }));
      return send("/api/events", "application/x-ndjson", lines.join("\n"));
    },
    /** The figures of a view with the position that they reflect. */
    read,
    async figures(path) {
      return (await read(path)).data;
    },
    /** Runs a command of the program beside the demo; returns what it prints. */
    async run(...command) {
      const child = spawn(PROGRAM, [...command, "--data-dir", data], { stdio: ["ignore", "pipe", "ignore"] });
      let printed = "";
      child.stdout.on("data", (data) => (printed += data));
      const code = await new Promise((done) => child.once("close", done));
      if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}`);
      return printed.trim();
    },
  };
}

/** A wire to a port, which can be cut: it then drops what is open and takes nothing. */
export async function wire(port) {
  const open = new Set();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      this.cut();
      server.close();
    },
  };
}

/** The browser that there is here. */
export function chromiumPath() {
  const path = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
  if (path === undefined) throw new Error("needs chromium: apt install chromium");
  return path;
}

export function browser() {
  return chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
}
