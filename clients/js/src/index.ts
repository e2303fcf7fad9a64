/** A client of Adaptive BI's push channel. `README.md` shows it. */

export type { Backoff } from "./backoff.js";
export { Client, type Events, type Options } from "./client.js";
export type { Credential } from "./ticket.js";
export { type Connection, type Topic, type TopicState, age } from "./topic.js";
