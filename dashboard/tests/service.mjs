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

/** Starts the demo; resolves once the year is folded. */
export async function demo(...options) {
  const folder = await mkdtemp(join(tmpdir(), "adaptive-bi-page-"));
  const port = await freePort();
  const data = join(folder, "data");
  const child = spawn(PROGRAM, ["demo", "--bind", `127.0.0.1:${port}`, "--data-dir", data, ...options], {
    env: { ...process.env, LOG_LEVEL: "warn,access=off" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ended = new Promise((done) => child.once("exit", done));
  await new Promise((ready, failed) => {
    const timer = setTimeout(() => failed(new Error(`not ready: ${said}`)), READY_WITHIN_MS);
    for (const output of [child.stdout, child.stderr]) {
      output.on("data", (data) => {
        said += data;
        if (!said.includes("Ctrl-C stops")) return;
        clearTimeout(timer);
        ready();
      });
    }
    child.once("exit", () => failed(new Error(`it ended: ${said}`)));
  });
  const credentials = JSON.parse(await readFile(join(data, "credentials.json"), "utf8"));
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    credentials,
    /** Sends an event; returns its position. */
    async publish(kind, payload) {
      const headers = { "x-api-key": credentials.producerKey, "content-type": "application/json" };
      const answer = await fetch(`${url}/api/events/${kind}`, { method: "POST", headers, body: JSON.stringify(payload) });
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()).data.position;
    },
    async figures(path) {
      const answer = await fetch(url + path, { headers: { "x-api-key": credentials.producerKey } });
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()).data;
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
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
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

export function browser() {
  const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error("needs chromium: apt install chromium");
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}
