// A server of socket.io that does nothing but fan out: each line of its input is an update, which
// everybody in one room is sent. It ends with its input.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { Server } from "socket.io";

const { version } = createRequire(import.meta.url)("socket.io/package.json");
const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  socket.join("sales");
  socket.emit("authenticated", { success: true });
});

server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  process.stderr.write(`socket.io ${version}, Node ${process.versions.node}\n`);
  process.stderr.write(`listening address=127.0.0.1:${server.address().port}\n`);
});

createInterface({ input: process.stdin })
  .on("line", (line) => io.to("sales").emit("realtimeSalesUpdate", JSON.parse(line)))
  .on("close", () => process.exit(0));
