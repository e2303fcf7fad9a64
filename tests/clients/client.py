"""The same client as client.mjs, by python-socketio: `python3 client.py URL KEY`."""

import json
import os
import sys
import threading

import socketio

TOPICS = ["sales", "overview"]
AGAIN = 0.1

url, key = sys.argv[1:]
topics, end = {}, float("inf")
seen = {"connections": 0, "frames": 0, "recovered": 0, "lost": 0, "twice": 0}
turn = threading.RLock()
client = socketio.Client(reconnection_delay=AGAIN, reconnection_delay_max=AGAIN)


def fail(message):
    print(f"python-socketio: {message}", file=sys.stderr, flush=True)
    os._exit(1)


def finish():
    if all(topic in topics and topics[topic]["position"] >= end for topic in TOPICS):
        print(json.dumps({**seen, "topics": topics}), flush=True)
        os._exit(0)


@client.on("connect")
def connected():
    seen["connections"] += 1


@client.on("authenticated")
def authenticated(_):
    for topic in TOPICS:
        asked = {"dashboardType": topic}
        if topic in topics:
            has = topics[topic]
            asked["since"] = f"{has['log']}.{has['generation']}-{has['position']}"
        client.emit("subscribe_dashboard", asked)


@client.on("subscribed")
def subscribed(word):
    with turn:
        if word.get("recovered"):
            seen["recovered"] += 1
            return
        seen["lost"] += "recovered" in word
        # The snapshot that comes replaces what was had.
        topics.pop(word["topic"], None)


@client.on("frame")
def frame(it):
    with turn:
        seen["frames"] += 1
        has, position = topics.get(it["topic"]), it["position"]
        if it["kind"] == "snapshot":
            if has and (it["generation"], position, it["at"]) <= (
                has["generation"], has["position"], has["at"]
            ):
                fail(f"a snapshot of {position} after {has['position']}")
            topics[it["topic"]] = {
                name: it[name] for name in ["log", "generation", "position", "at", "data"]
            }
        elif not has or has["generation"] != it["generation"] or it["from"] > has["position"]:
            fail(f"a gap in {it['topic']}: from {it['from']}, has {has and has['position']}")
        elif position <= has["position"]:
            seen["twice"] += 1
        else:
            has["data"].update(it["data"])
            has.update(position=position, at=it["at"])
        finish()


for name in ["authentication_error", "refused", "error"]:
    client.on(name, lambda word, name=name: fail(f"{name}: {word['message']}"))

client.connect(url, auth={"token": key}, retry=True)
end = int(sys.stdin.readline())
with turn:
    finish()
client.wait()
