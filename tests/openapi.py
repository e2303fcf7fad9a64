#!/usr/bin/env python3
"""Sends the running program what its own description of the API allows, and what it does not, as
every kind of caller, and fails where an answer is not as described: a status that is not in the
document, a body or a header that breaks its schema, a fault of the service's own.

    tests/openapi.py target/debug/adaptive-bi

Needs schemathesis. The program runs with servers and a folder of its own, on free ports.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

# The same requests each time.
SEED = "1849"
# Requests per operation and caller, besides those at the bounds of each parameter.
EXAMPLES = "12"
# None of the callers may take longer, in seconds.
AT_MOST = 240
PASSWORD = "seven lamps of 1849"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]
# A caller who does this is somebody else after it; `hooks` signs in before each.
ENDS_THE_SESSION = ["logout", "logoutEverywhere"]

HOOKS = """
import json, os, urllib.request
import schemathesis

ENDS = os.environ["ENDS_THE_SESSION"].split(",")
LOGIN = os.environ.get("LOGIN")

def token():
    request = urllib.request.Request(
        os.environ["SERVICE"] + "/api/auth/login", LOGIN.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["token"]

@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    if LOGIN and operation in ENDS:
        case.headers = dict(case.headers or {})
        case.headers["Authorization"] = "Bearer " + token()
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
    kinds = ["product", "customer", "transaction", "activity", "feedback", "stock"]
    for kind in kinds:
        example = schemas[f"{kind.title()}Event"]["example"]
        service.ask("POST", f"/api/events/{kind}", [example], admin)
    for number in range(3):
        service.publish("events.transaction", b'{"transactionId": %d}' % number)
    callers = [("nobody", {}, None), ("admin", {"Authorization": f"Bearer {admin}"}, login)]
    for role in ["manager", "analyst", "viewer"]:
        login = {"email": f"{role}@example.org", "password": PASSWORD}
        service.ask("POST", "/api/users", {**login, "role": role}, admin)
        token = service.ask("POST", "/api/auth/login", login)["token"]
        callers.append((role, {"Authorization": f"Bearer {token}"}, login))
    scopes = ["events:write", "metrics:read", "metrics:scrape", "push:subscribe"]
    made = service.ask("POST", "/api/keys", {"name": "tests", "scopes": scopes}, admin)
    callers.append(("key", {"X-API-Key": made["data"]["key"]}, None))
    return document, callers


def closed(schema):
    """The same schema, in which no object has a member that is not described."""
    if isinstance(schema, list):
        return [closed(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(it) for name, it in schema.items()}
    if "properties" in schema and schema.get("type") == "object" and "allOf" not in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def exact(document):
    """The document, with every answer closed; what is sent stays as open as it is."""
    used = json.dumps([
        operation.get("requestBody", {})
        for path in document["paths"].values()
        for operation in path.values()
    ])
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"] = closed(operation["responses"])
    schemas = document["components"]["schemas"]
    for name in schemas:
        if not name.endswith("Event") and f"#/components/schemas/{name}\"" not in used:
            schemas[name] = closed(schemas[name])
    document["components"]["responses"] = closed(document["components"]["responses"])
    return document


def run(service, folder, document, caller):
    name, headers, login = caller
    arguments = [
        "schemathesis",
        f"--config-file={folder / 'schemathesis.toml'}",
        "run",
        str(document),
        f"--url={service.url}",
        f"--checks={','.join(CHECKS)}",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES}",
        "--phases=examples,coverage,fuzzing",
        "--generation-deterministic",
        "--generation-database=none",
        "--suppress-health-check=all",
        "--continue-on-failure",
        "--warnings=off",
        "--no-color",
        "--workers=2",
        "--request-timeout=70",
    ]
    arguments += [f"--header={name}: {value}" for name, value in headers.items()]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": str(folder / "hooks.py"),
        "SERVICE": service.url,
        "ENDS_THE_SESSION": ",".join(ENDS_THE_SESSION),
        **({"LOGIN": json.dumps(login)} if login else {}),
    }
    begun = time.monotonic()
    ended = subprocess.run(
        arguments, env=environment, cwd=folder, capture_output=True, text=True, timeout=AT_MOST
    )
    return name, ended, time.monotonic() - begun


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, only = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "shop").mkdir()
        service = Service(program, folder / "shop")
        try:
            service.until_ready()
            document, callers = fill(service)
            (folder / "document.json").write_text(json.dumps(exact(document)))
            (folder / "hooks.py").write_text(HOOKS)
            # What is being made anew, or stopped, is documented to be away for a moment.
            allowed = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503]\n'
            (folder / "schemathesis.toml").write_text(allowed)
            failed = False
            for caller in callers:
                if only and caller[0] not in only:
                    continue
                name, ended, took = run(service, folder, folder / "document.json", caller)
                summary = re.search(r"\d+ generated.*", ended.stdout)
                print(f"{name}: {summary[0] if summary else ended.stdout[-300:]} in {took:.0f} s", flush=True)
                if ended.returncode:
                    failed = True
                    print(ended.stdout, ended.stderr, flush=True)
        finally:
            status = service.stop()
        if status or failed:
            sys.exit(f"the program ended with {status}:\n{service.said()[-4000:]}")


if __name__ == "__main__":
    main()
