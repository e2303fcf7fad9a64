// A client that follows topics, is cut off, comes back and goes on: of another maker, or our own, which
// is imported from where it was built:
//
//     node client.mjs socket.io|eventsource|ws URL KEY
//     node client.mjs adaptive-bi-client URL KEY MODULE
//
// It ends when its topics have come to the position that it is told on standard input, and prints
// what it has.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { EventSource } from "eventsource";
import { io } from "socket.io-client";
import WebSocket from "ws";

const TOPICS = ["sales", "overview"];
const AGAIN_MS = 100;

const [transport, url, key, module] = process.argv.slice(2);
const topics = {};
const seen = { connections: 0, frames: 0, recovered: 0, lost: 0, twice: 0 };
let end = Infinity;

function fail(message) {
  console.error(`${transport}: ${message}`);
  process.exit(1);
}

function since(topic) {
  const has = topics[topic];
  return has && `${has.log}.${has.generation}-${has.position}`;
}

// What a topic is followed from.
function subscribed({ topic, recovered }) {
  if (recovered === true) {
    seen.recovered += 1;
    return;
  }
  seen.lost += recovered === false ? 1 : 0;
  // The snapshot that comes replaces what was had.
  delete topics[topic];
}

function apply({ topic, log, generation, from, position, at, kind, data }) {
  seen.frames += 1;
  const has = topics[topic];
  if (kind === "snapshot") {
    const isNewer = !has || generation !== has.generation || position > has.position
      || (position === has.position && at > has.at);
    if (!isNewer) fail(`a snapshot of ${position} after ${has.position}`);
    topics[topic] = { log, generation, position, at, data };
  } else {
    if (!has || generation !== has.generation || from > has.position) {
      fail(`a gap in ${topic}: from ${from}, has ${has?.position}`);
    }
    if (position <= has.position) {
      seen.twice += 1;
    } else {
      Object.assign(has.data, data);
      Object.assign(has, { position, at });
    }
  }
  finish();
}

function finish() {
  if (TOPICS.every((topic) => topics[topic]?.position >= end)) {
    process.stdout.write(JSON.stringify({ ...seen, topics }), () => process.exit(0));
  }
}

function overSocketIo() {
  const socket = io(url, { reconnectionDelay: AGAIN_MS, reconnectionDelayMax: AGAIN_MS });
  socket.on("connect", () => {
    seen.connections += 1;
    socket.emit("authenticate", { token: key });
  });
  socket.on("authenticated", () => {
    for (const topic of TOPICS) {
      socket.emit("subscribe_dashboard", { dashboardType: topic, since: since(topic) });
    }
  });
  socket.on("subscribed", subscribed);
  socket.on("frame", apply);
  for (const word of ["authentication_error", "refused", "error"]) {
    socket.on(word, ({ message }) => fail(`${word}: ${message}`));
  }
}

function overEventSource() {
  const events = new EventSource(`${url}/api/stream?topics=${TOPICS.join()}`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, "X-API-Key": key } }),
  });
  events.addEventListener("open", () => {
    seen.connections += 1;
  });
  events.addEventListener("subscribed", ({ data }) => subscribed(JSON.parse(data)));
  events.addEventListener("refused", ({ data }) => fail(data));
  events.addEventListener("message", ({ data }) => apply(JSON.parse(data)));
}

function overWebSocket() {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/ws`, {
    headers: { "X-API-Key": key },
  });
  socket.on("open", () => {
    seen.connections += 1;
    for (const topic of TOPICS) {
      const at = since(topic);
      const asked = at ? { type: "resume", since: at } : { type: "subscribe" };
      socket.send(JSON.stringify({ ...asked, topics: [topic] }));
    }
  });
  socket.on("message", (text) => {
    const message = JSON.parse(text);
    if (message.data) apply(message);
    else if (message.kind === "subscribed") subscribed(message);
    else if (message.kind !== "server_shutdown") fail(text);
  });
  socket.on("error", () => {});
  socket.on("close", () => setTimeout(overWebSocket, AGAIN_MS));
}

// It keeps the state and connects again by itself. What comes is counted beside it.
async function overOurs() {
  const { Client } = await import(pathToFileURL(module));
  const sent = {};
  function count(message) {
    const { topic, kind, position, recovered } = message;
    if (kind === "subscribed") {
      seen.recovered += recovered === true ? 1 : 0;
      seen.lost += recovered === false ? 1 : 0;
      if (!recovered) delete sent[topic];
    } else if (message.data) {
      seen.frames += 1;
      seen.twice += kind === "delta" && position <= sent[topic] ? 1 : 0;
      sent[topic] = position;
    }
  }
  class Counted extends WebSocket {
    constructor(address) {
      super(address);
      this.on("open", () => {
        seen.connections += 1;
      });
      this.on("message", (text) => count(JSON.parse(text)));
    }
  }
  const client = new Client({
    url,
    credential: key,
    WebSocket: Counted,
    backoff: { first: AGAIN_MS, most: AGAIN_MS },
  });
  for (const topic of TOPICS) {
    client.topic(topic).subscribe(({ generation, position, at, data, refused }) => {
      if (refused) fail(refused.message);
      if (data === undefined) return;
      topics[topic] = { generation, position, at, data };
      finish();
    });
  }
}

const over = {
  "socket.io": overSocketIo,
  eventsource: overEventSource,
  ws: overWebSocket,
  "adaptive-bi-client": overOurs,
};

createInterface({ input: process.stdin }).on("line", (line) => {
  end = Number(line);
  finish();
});
over[transport]();
