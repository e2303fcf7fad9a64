#!/usr/bin/env python3
"""Sends the running program what its own description of the API allows, and what it does not, as
every kind of caller, and fails where an answer is not as described: a status that is not in the
document, a body or a header that breaks its schema, a fault of the service's own.

    tests/openapi.py target/debug/adaptive-bi

Needs schemathesis on the PATH, as in tests/openapi.txt. The program runs with servers and a folder of its own, on free ports.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

# Requests per operation and caller, besides those at the bounds of each parameter.
EXAMPLES = "12"
# Nobody's requests take longer, in seconds, beside a build.
AT_MOST = 600
PASSWORD = "seven lamps of 1849"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# Who does this is nobody after it, so `HOOKS` signs in again.
ENDS_THE_SESSION = ["logout", "logoutEverywhere", "endSession"]
# An answer that does not end by itself; `tests/it/stream.rs` reads it.
ENDLESS = "stream"
# The least that each has to be let do, so that answers other than refusals are looked at.
REACHED = {"nobody": 10, "manager": 24, "analyst": 20, "viewer": 20, "key": 16, "admin": 40}

CONFIGURATION = """
[auth]
auto-signup = false

[checks.not_a_server_error]
# What is being made anew, or stopped, is documented to be away for a moment.
expected-statuses = ["2xx", "3xx", "4xx", 503]
"""

HOOKS = """
import json, os, urllib.request
import schemathesis

ENDS = os.environ["ENDS_THE_SESSION"].split(",")
HEADERS, LOGIN = json.loads(os.environ["HEADERS"]), os.environ.get("LOGIN")

def sign_in():
    url, json_type = os.environ["SERVICE"] + "/api/auth/login", {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, LOGIN.encode(), json_type)) as answer:
        HEADERS["Authorization"] = "Bearer " + json.load(answer)["token"]

@schemathesis.hook
def before_call(context, case, kwargs):
    if LOGIN and not HEADERS:
        sign_in()
    case.headers = {**(case.headers or {}), **HEADERS}
    # Views are addresses: many long ones make a head that no server reads, whatever the operation.
    views = (case.query or {}).get("view")
    if isinstance(views, list):
        case.query["view"] = [view[:64] if isinstance(view, str) else view for view in views]

@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation.definition.raw["operationId"]
    if LOGIN and operation in ENDS:
        HEADERS.clear()
    with open(os.environ["STATUSES"], "a") as statuses:
        print(operation, response.status_code, file=statuses)
"""


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Service:
    """The program, with its servers."""

    def __init__(self, program, folder):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.folder = Path(folder)
        limits = ["REQUESTS", "ADDRESS_REQUESTS", "EVENTS", "SIGN_IN_FAILURES", "REGISTRATIONS"]
        environment = {
            **os.environ,
            **{f"RATE_LIMIT_MAX_{name}": "0" for name in limits},
            "DATA_DIR": str(self.folder),
            "BIND": self.url.removeprefix("http://"),
            "JWT_SECRET": "the-secret-of-the-tests-of-the-document",
            "ADMIN_EMAIL": "admin@example.org",
            "ADMIN_PASSWORD": PASSWORD,
            "CURRENCY": "EUR",
            "LOG_LEVEL": "error",
        }
        for name in ["NATS_URL", "MONGODB_URI", "FAILPOINTS"]:
            environment.pop(name, None)
        self.log = open(self.folder / "said", "wb+")
        self.process = subprocess.Popen(
            [program, "serve"], env=environment, stdout=self.log, stderr=self.log
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def ask(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def until_ready(self):
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit(f"the program ended:\n{self.said()}")
            with contextlib.suppress(OSError):
                if self.ask("GET", "/health/ready")["status"] == "ready":
                    return
            time.sleep(0.1)
        sys.exit(f"the program is not ready:\n{self.said()}")

    def publish(self, subject, body):
        """Puts a message on the log, as a producer of another make would."""
        listen = re.search(r'listen: "127.0.0.1:(\d+)"', (self.folder / "nats.conf").read_text())
        with socket.create_connection(("127.0.0.1", int(listen[1]))) as nats:
            nats.recv(65536)
            nats.sendall(b'CONNECT {"verbose":false}\r\nPUB %s %d\r\n%s\r\nPING\r\n' % (
                subject.encode(), len(body), body
            ))
            while b"PONG" not in nats.recv(65536):
                pass


def fill(service):
    """A shop with something in every list, and everybody who may call: name, headers, sign-in."""
    login = {"email": "admin@example.org", "password": PASSWORD}
    admin = service.ask("POST", "/api/auth/login", login)["token"]
    document = service.ask("GET", "/api/openapi.json")
    schemas = document["components"]["schemas"]
    for event in schemas["Event"]["oneOf"]:
        payload = event["properties"]["data"]["$ref"].rsplit("/", 1)[1]
        example = schemas[payload]["example"]
        service.ask("POST", f"/api/events/{event['title']}", [example], admin)
    for number in range(9):
        service.publish("events.transaction", b'{"transactionId": %d}' % number)
    callers = [("nobody", {}, None)]
    for role in ["manager", "analyst", "viewer"]:
        login = {"email": f"{role}@example.org", "password": PASSWORD}
        service.ask("POST", "/api/users", {**login, "role": role}, admin)
        callers.append((role, {}, login))
    scopes = ["events:write", "events:read", "metrics:read", "metrics:scrape", "push:subscribe"]
    made = service.ask("POST", "/api/keys", {"name": "tests", "scopes": scopes}, admin)
    callers.append(("key", {"X-API-Key": made["data"]["key"]}, None))
    # The last, as it takes away what it is told of.
    login = {"email": "admin@example.org", "password": PASSWORD}
    callers.append(("admin", {}, login))
    point_at_what_is_there(service, document, admin)
    return document, callers


def point_at_what_is_there(service, document, admin):
    """Gives paths the ids of what there is, each its own where an operation takes it away."""

    def user():
        body = {"email": f"spare-{time.monotonic_ns()}@example.org", "password": PASSWORD}
        return service.ask("POST", "/api/users", body, admin)["data"]["user"]["id"]

    def key():
        body = {"name": "spare", "scopes": ["metrics:read"]}
        return service.ask("POST", "/api/keys", body, admin)["data"]["apiKey"]["id"]

    def session():
        login = {"email": "admin@example.org", "password": PASSWORD}
        service.ask("POST", "/api/auth/login", login)
        sessions = service.ask("GET", "/api/auth/sessions", None, admin)["data"]["sessions"]
        return next(it["id"] for it in sessions if not it["current"])

    until = time.monotonic() + 30
    while True:
        events = service.ask("GET", "/api/quarantine", None, admin)["data"]["events"]
        if len(events) == 9 or time.monotonic() > until:
            break
        time.sleep(0.1)
    positions = iter([it["position"] for it in events])
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in (it for it in operation["parameters"] if it["in"] == "path"):
                if path.startswith("/api/users"):
                    parameter["example"] = user()
                elif path.startswith("/api/keys"):
                    parameter["example"] = key()
                elif path.startswith("/api/auth/sessions"):
                    parameter["example"] = session()
                elif path.startswith("/api/quarantine"):
                    parameter["example"] = next(positions)
                elif path.startswith("/api/events"):
                    parameter["example"] = "transaction"


def closed(schema):
    """The same schema, in which no object has a member that is not described."""
    if isinstance(schema, list):
        return [closed(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    joined = schema.get("allOf")
    schema = {name: closed(it) for name, it in schema.items()}
    if joined:
        # Each of these describes some of the members.
        schema["allOf"] = [closed_within(it) for it in joined]
    elif "properties" in schema and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


def closed_within(part):
    """A part of a schema, in which the objects within are closed, but not the one that it describes."""
    return {name: closed(it) for name, it in part.items()}


def exact(document):
    """The document, with every answer closed; what is sent stays as open as it is."""
    operations = [it for path in document["paths"].values() for it in path.values()]
    sent = json.dumps([operation.get("requestBody", {}) for operation in operations])
    schemas = document["components"]["schemas"]
    joined = json.dumps([schema["allOf"] for schema in schemas.values() if "allOf" in schema])
    for operation in operations:
        operation["responses"] = closed(operation["responses"])
    for name in schemas:
        used = f'#/components/schemas/{name}"'
        if not name.endswith("Event") and used not in sent and used not in joined:
            schemas[name] = closed(schemas[name])
    document["components"]["responses"] = closed(document["components"]["responses"])
    return document


def run(service, folder, document, caller):
    name, headers, login = caller
    # Bounds are the same for everybody, so they are tried by who comes everywhere.
    phases = "examples,coverage,fuzzing" if name == "admin" else "examples,fuzzing"
    arguments = [
        "schemathesis",
        f"--config-file={folder / 'schemathesis.toml'}",
        "run",
        str(document),
        f"--url={service.url}",
        f"--checks={','.join(CHECKS)}",
        f"--max-examples={EXAMPLES}",
        f"--phases={phases}",
        f"--exclude-operation-id={ENDLESS}",
        # The same requests each time.
        "--generation-deterministic",
        "--suppress-health-check=all",
        "--continue-on-failure",
        "--warnings=off",
        "--no-color",
        # One at a time: the order is the same each time, and what takes something away is alone.
        "--workers=1",
        "--request-timeout=70",
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": str(folder / "hooks.py"),
        "SERVICE": service.url,
        "HEADERS": json.dumps(headers),
        "STATUSES": str(folder / f"statuses-{name}"),
        "ENDS_THE_SESSION": ",".join(ENDS_THE_SESSION),
        **({"LOGIN": json.dumps(login)} if login else {}),
    }
    # What it remembers of the one it does not use for the next.
    own = folder / name
    own.mkdir()
    return subprocess.run(
        arguments, env=environment, cwd=own, capture_output=True, text=True, timeout=AT_MOST
    )


def judge(name, ended, statuses, took):
    """Says what came of the requests of a caller, and whether all is well."""
    lines = [line.split() for line in statuses.read_text().splitlines()]
    reached = {operation for operation, status in lines if int(status) < 300}
    print(f"{name}: {len(lines)} requests in {took:.0f} s; {len(reached)} operations were let through",
          flush=True)
    if ended.returncode:
        print(ended.stdout, ended.stderr, flush=True)
        return False
    if len(reached) < REACHED[name]:
        every = {operation for operation, _ in lines}
        print(f"  too few; not: {', '.join(sorted(every - reached))}", flush=True)
        return False
    return True


def main():
    if len(sys.argv) < 2 or not shutil.which("schemathesis"):
        sys.exit(__doc__)
    program, only = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "shop").mkdir()
        service, is_well = Service(program, folder / "shop"), True
        try:
            service.until_ready()
            document, callers = fill(service)
            (folder / "document.json").write_text(json.dumps(exact(document)))
            (folder / "hooks.py").write_text(HOOKS)
            (folder / "schemathesis.toml").write_text(CONFIGURATION)
            for caller in callers:
                if only and caller[0] not in only:
                    continue
                begun = time.monotonic()
                ended = run(service, folder, folder / "document.json", caller)
                statuses = folder / f"statuses-{caller[0]}"
                is_well &= judge(caller[0], ended, statuses, time.monotonic() - begun)
        finally:
            status = service.stop()
        if status or not is_well:
            sys.exit(f"the program ended with {status}:\n{service.said()[-4000:]}")


if __name__ == "__main__":
    main()
