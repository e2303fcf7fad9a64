#!/usr/bin/env python3
"""Runs clients of other makers, and our own, against the program: each follows topics through a proxy
that cuts every connection now and then while sales come in, over a restart of the program too, and
has to end with what the API answers.

    tests/clients/run.py target/debug/adaptive-bi [CUTS]

Connections are cut 5 times, or as often as is named; the third time it is a restart.
Needs node with the packages of package.json in NODE_MODULES, those of requirements.txt on the
PYTHONPATH, and clients/js built (npm run build). The program runs with servers and a folder of its
own, on free ports.
"""

import asyncio
import contextlib
import datetime
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Our own client, as it was built.
OURS = HERE.parent.parent / "clients" / "js" / "dist" / "index.js"
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True
from openapi import PASSWORD, Service, free_port  # noqa: E402

# Connections are cut so often, if no other number is named.
CUTS = 5
# This one is a restart.
RESTART = 2
# Between two cuts there are so many sales, or fewer, and so many seconds between two of them.
SALES = 20
APART = 0.1
# A client is back within so many seconds, and ends within so many.
BACK = 10
ENDS = 20
QUERIES = {"sales": "/api/metrics/sales", "overview": "/api/dashboard/overview"}


class Proxy:
    """Passes connections on, and cuts all of them when it is told to."""

    def __init__(self, target):
        self.port, self.target, self.open = free_port(), target, set()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait()

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        serving = asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.server = self.loop.run_until_complete(serving)
        ready.set()
        self.loop.run_forever()

    async def _take(self, reader, writer):
        with contextlib.suppress(OSError), contextlib.closing(writer):
            there, onward = await asyncio.open_connection("127.0.0.1", self.target)
            ends = {writer, onward}
            self.open |= ends
            await asyncio.gather(self._pass(reader, onward), self._pass(there, writer))
            self.open -= ends

    async def _pass(self, reader, writer):
        with contextlib.suppress(OSError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()

    def cut(self):
        def abort():
            for writer in list(self.open):
                writer.transport.abort()

        self.loop.call_soon_threadsafe(abort)


class Shop:
    """The program with its data, which is stopped and started again."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.start()

    def start(self):
        self.service = Service(self.program, self.folder)
        self.service.until_ready()

    def stop(self):
        status = self.service.stop()
        if status or "panicked" in self.service.said():
            sys.exit(f"the program ended with {status}:\n{self.service.said()}")

    def port(self):
        return int(self.service.url.rsplit(":", 1)[1])


class Client:
    """A client in a process of its own."""

    def __init__(self, name, command):
        self.name, self.ended = name, None
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def end(self, position):
        out, _ = self.process.communicate(f"{position}\n", ENDS)
        if self.process.returncode:
            sys.exit(f"{self.name} ended with {self.process.returncode}")
        return json.loads(out)


def ask(service, key, path, body=None, position=None):
    headers = {"Content-Type": "application/json", "X-API-Key": key, "Prefer": "wait=20"}
    if position is not None:
        headers["X-Min-Position"] = str(position)
    body = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(service.url + path, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def sell(service, key, number):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    sale = {
        "transactionId": f"t{number}", "userId": f"u{number % 7}", "totalPrice": 1 + number % 9,
        "transactionDate": now,
    }
    return ask(service, key, "/api/events/transaction", sale)["position"]


def until(what, is_so):
    deadline = time.monotonic() + BACK
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit(f"not in time: {what}")
        time.sleep(0.02)


def connections(service, admin):
    told = service.ask("GET", "/api/stream/connections", token=admin)["data"]
    return told["authenticatedConnections"]


def clients(url, key, modules):
    # It imports what stands beside it.
    node = ["node", shutil.copy(HERE / "client.mjs", modules.parent)]
    every = {name: [*node, name, url, key] for name in ["socket.io", "eventsource", "ws"]}
    every["adaptive-bi-client"] = [*node, "adaptive-bi-client", url, key, str(OURS)]
    every["python-socketio"] = [sys.executable, str(HERE / "client.py"), url, key]
    return [Client(name, command) for name, command in every.items()]


def check(service, key, client, end, position, cuts):
    """What a client has is what the API answers at that position."""
    for topic, path in QUERIES.items():
        has = end["topics"][topic]
        answer = ask(service, key, path, position=position)
        if has["position"] < position or has["data"] != answer:
            sys.exit(f"{client.name} has of {topic} at {has['position']}: {has['data']}\n"
                     f"and not, at {position}: {answer}")
    if end["connections"] <= cuts or not end["recovered"] or end["twice"]:
        sys.exit(f"{client.name} was not cut off and back, or was sent something twice: {end}")
    told = {name: count for name, count in end.items() if name != "topics"}
    print(f"{client.name}: {told}", flush=True)


def follow(shop, modules, cuts):
    service = shop.service
    login = {"email": "admin@example.org", "password": PASSWORD}
    admin = service.ask("POST", "/api/auth/login", login)["token"]
    scopes = ["events:write", "metrics:read", "push:subscribe"]
    made = service.ask("POST", "/api/keys", {"name": "clients", "scopes": scopes}, admin)
    key, numbers = made["data"]["key"], itertools.count()
    ask(service, key, QUERIES["sales"], position=sell(service, key, next(numbers)))
    proxy = Proxy(shop.port())
    running = clients(f"http://127.0.0.1:{proxy.port}", key, modules)
    try:
        are_back = lambda: connections(shop.service, admin) == len(running)  # noqa: E731
        until("all clients are signed in", are_back)
        for cut in range(cuts + 1):
            for _ in range(random.randint(2, SALES)):
                position = sell(shop.service, key, next(numbers))
                time.sleep(APART)
            if cut == cuts:
                break
            if cut == RESTART:
                shop.stop()
                shop.start()
                proxy.target = shop.port()
            else:
                proxy.cut()
                until("the clients are gone", lambda: not are_back())
            # What is sold meanwhile is missed.
            sell(shop.service, key, next(numbers))
            until("all clients are back", are_back)
        for client in running:
            check(shop.service, key, client, client.end(position), position, cuts)
    finally:
        for client in running:
            client.process.kill()


def main():
    modules = Path(os.environ.get("NODE_MODULES", ""))
    are_there = (modules / "socket.io-client").exists() and OURS.exists()
    if len(sys.argv) not in (2, 3) or not are_there:
        sys.exit(__doc__)
    began, cuts = time.monotonic(), int(sys.argv[2]) if len(sys.argv) == 3 else CUTS
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(os.path.abspath(sys.argv[1]), folder)
        try:
            follow(shop, modules, cuts)
        finally:
            shop.stop()
    print(f"{time.monotonic() - began:.0f} s in all", flush=True)


if __name__ == "__main__":
    main()
