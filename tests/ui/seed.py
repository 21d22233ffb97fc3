"""Runs to look at: plays an agent over the socket of a server's data folder (the protocol stands at the head of
src/server/routes_agents.c), for a repository with workflows of its own. What is played depends on the job's name: steps, logs
with colours, groups and errors, annotations and summaries; jobs whose name has `hold` go on until they are let go."""
import datetime
import http.client
import json
import pathlib
import socket
import subprocess
import threading
import time

WORKFLOWS = {
    "ci.yml": """name: CI
on: [push, workflow_dispatch]
jobs:
  lint:
    name: Lint
    runs-on: ubuntu-latest
    steps: [{run: make lint}]
  test:
    name: Test
    needs: lint
    strategy:
      fail-fast: false
      matrix: {node: [18, 20, 22], os: [linux, alpine]}
    runs-on: ubuntu-latest
    steps: [{run: npm test}]
  build:
    name: Build image
    needs: lint
    runs-on: ubuntu-latest
    steps: [{run: make image}]
  scan:
    name: Scan image
    needs: build
    runs-on: ubuntu-latest
    steps: [{run: make scan}]
  publish:
    name: Publish
    needs: [test, scan]
    runs-on: ubuntu-latest
    steps: [{run: make publish}]
""",
    "nightly.yml": """name: Nightly
on: workflow_dispatch
jobs:
  load:
    name: Load test, 100,000 lines
    runs-on: ubuntu-latest
    steps: [{run: make load}]
  broken:
    name: Migration fails
    runs-on: ubuntu-latest
    steps: [{run: make migrate}]
  after:
    name: Report
    needs: broken
    runs-on: ubuntu-latest
    steps: [{run: make report}]
""",
    "hold.yml": """name: Deploy preview
on: workflow_dispatch
jobs:
  hold:
    name: hold for the preview
    runs-on: ubuntu-latest
    steps: [{run: make preview}]
  wait:
    name: On a machine that is not there
    runs-on: [self-hosted, gpu]
    steps: [{run: nvidia-smi}]
""",
}

SUMMARY = """## Tests

| suite | passed | failed |
|---|---|---|
| unit | 1,204 | 0 |
| browser | 48 | 2 |

- [x] coverage **87.4 %**
- [ ] flaky: `cart survives reload`

<script>document.title = 'owned'</script> [evil](javascript:alert(1)) [report](https://example.com/r)
"""


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def call(path, method, target, body=None, headers=()):
    """The answer's JSON, or None."""
    connection = Unix(str(path))
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    connection.request(method, target, data, {"Content-Type": kind, **dict(headers)} if data is not None else dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {target}: {answer.status} {text.decode(errors='replace')}")
    return json.loads(text) if text else None


def repository(folder):
    """A repository with the workflows; its commits become pushes."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name, text in WORKFLOWS.items():
        path = folder / ".github" / "workflows" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return commit(folder, "Add workflows")


def git(folder, *arguments):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def commit(folder, subject):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


class Record:
    """What a job says: events and log records."""

    def __init__(self, agent, job):
        self.agent, self.id, self.token = agent, job["job_id"], job["token"]
        self.seq = self.size = 0
        self.now_us = time.time_ns() // 1000
        self.events, self.lines = [], []

    def event(self, kind, **more):
        self.seq += 1
        at = datetime.datetime.fromtimestamp(self.now_us / 1e6, datetime.timezone.utc)
        self.events.append({"seq": self.seq, "kind": kind, "time": at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", **more})

    def log(self, step, kind, text):
        self.now_us += 137
        self.lines.append(f"{step} {self.now_us} {kind} {text}\n")

    def send(self):
        headers = {"X-Job-Token": self.token}
        base = f"/agent/v1/jobs/{self.id}"
        if self.events:
            body = "".join(json.dumps(e) + "\n" for e in self.events).encode()
            call(self.agent.socket, "POST", f"{base}/events", body, headers)
        data = "".join(self.lines).encode()
        for at in range(0, len(data), 4 << 20):
            piece = data[at:at + (4 << 20)]
            call(self.agent.socket, "PUT", f"{base}/log?offset={self.size}", piece, headers)
            self.size += len(piece)
        self.events, self.lines = [], []

    def step(self, number, name, lines, conclusion="success", exit_code=0, **more):
        self.event("step_started", step=number, name=name, phase="main")
        for kind, text in lines:
            self.log(number, kind, text)
        self.now_us += 40_000
        self.event("step_finished", step=number, name=name, phase="main", outcome=conclusion, conclusion=conclusion,
                   exit_code=exit_code, **more)

    def end(self, result, reason=""):
        self.send()
        body = {"result": result, "reason": reason, "seq": self.seq, "bytes": self.size}
        call(self.agent.socket, "POST", f"/agent/v1/jobs/{self.id}/result", body, {"X-Job-Token": self.token})


CHECKOUT = [("c", "git fetch --depth 1 origin"), ("o", "From /srv/git/shop"), ("o", " * branch  main -> FETCH_HEAD"),
            ("o", "HEAD is now at 4be1c2a")]


def ordinary(r):
    r.step(1, "Set up", [("g", "Runner"), ("o", "Slipway 0.1.0 on linux/x86_64"), ("o", "sandbox: namespaces"), ("G", "")])
    r.step(2, "Check out the repository", CHECKOUT)
    lines = [("c", "npm test"), ("g", "Install")]
    lines += [("o", f"\x1b[2madded\x1b[0m package-{i}@1.{i}.0") for i in range(40)] + [("G", "")]
    lines += [("o", f"\x1b[32m✓\x1b[0m cart: case {i} \x1b[2m({i % 9} ms)\x1b[0m") for i in range(120)]
    lines += [("w", "2 tests are slow"), ("o", "\x1b[1;32m120 passed\x1b[0m"), ("d", "exit 0")]
    r.event("annotation", step=3, level="warning", title="Slow test", message="cart: case 17 took 2.1 s", file="test/cart.js", line=17)
    r.step(3, "Run npm test", lines, summary=SUMMARY)
    r.end("success")


def failing(r):
    r.step(1, "Set up", [("o", "Slipway 0.1.0")])
    r.step(2, "Check out the repository", CHECKOUT)
    r.event("annotation", step=3, level="error", title="Migration 0042 failed",
            message="column \"price\" of relation \"items\" already exists", file="db/0042_price.sql", line=3)
    r.event("annotation", step=3, level="notice", title="", message="Nothing was committed", file="", line=0)
    r.step(3, "Run make migrate", [("c", "make migrate"), ("o", "\x1b[33mapplying\x1b[0m 0041_stock.sql"),
                                   ("o", "\x1b[33mapplying\x1b[0m 0042_price.sql"),
                                   ("e", "ERROR: column \"price\" of relation \"items\" already exists"),
                                   ("o", "make: *** [Makefile:12: migrate] Error 1")], "failure", 2)
    r.end("failure")


def long(r):
    r.step(1, "Set up", [("o", "Slipway 0.1.0")])
    lines = [("c", "make load")]
    for i in range(100_000):
        if i % 5000 == 0:
            lines += ([("G", "")] if i else []) + [("g", f"Phase {i // 5000}")]
        lines.append(("o", f"\x1b[36m{i:06d}\x1b[0m GET /cart/{i % 977} \x1b[32m200\x1b[0m {i % 83} ms"
                      + (" needle" if i % 9973 == 42 else "")))
    r.step(2, "Run make load", lines)
    r.end("success")


class Agent:
    """The server's own agent, as far as the pages can tell."""

    def __init__(self, data, capacity=2):
        self.socket = pathlib.Path(data) / "server.sock"
        self.let_go = threading.Event()
        self.errors = []
        call(self.socket, "POST", "/agent/v1/hello", {"version": "0.1.0", "system": "linux/x86_64", "capacity": capacity})
        self.connection = Unix(str(self.socket))
        self.connection.request("GET", "/agent/v1/stream")
        self.stream = self.connection.getresponse()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        self.connection.sock.settimeout(None)
        while line := self.stream.readline():
            message = json.loads(line) if line.strip() else {}
            if message.get("type") == "job":
                threading.Thread(target=self.play, args=(message["job"],), daemon=True).start()

    def play(self, job):
        try:
            name = job["name"]
            r = Record(self, job)
            r.event("job_started")
            r.send()
            if "hold" in name:
                self.hold(r)
            else:
                (long if "lines" in name else failing if "fails" in name else ordinary)(r)
        except (OSError, RuntimeError, KeyError, http.client.HTTPException) as why:
            self.errors.append(repr(why))

    def hold(self, r):
        """A job that goes on writing until it is let go."""
        r.step(1, "Set up", [("o", "Slipway 0.1.0")])
        r.event("step_started", step=2, name="Run make preview", phase="main")
        n = 0
        while not self.let_go.wait(0.2):
            n += 1
            r.now_us = time.time_ns() // 1000
            r.log(2, "o", f"waiting for the preview, {n}")
            r.send()
        r.now_us = time.time_ns() // 1000
        r.event("step_finished", step=2, name="Run make preview", phase="main", outcome="success", conclusion="success", exit_code=0)
        r.end("success")


def until(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise RuntimeError("what was waited for did not come")
        time.sleep(0.02)
    return found


def fill(data, folder):
    """Runs of all kinds on a server; the agent that plays on."""
    sock = pathlib.Path(data) / "server.sock"
    head = repository(folder)
    agent = Agent(data)
    made = call(sock, "POST", "/api/v1/repositories", {"name": "acme/shop", "kind": "local", "url": str(folder.resolve())})
    base = f"/api/v1/repositories/{made['id']}"

    def runs():
        return call(sock, "GET", "/api/v1/runs?limit=200")["items"]

    before = "0" * 40
    for subject in ("Add workflows", "Cart keeps its items over a reload", "Prices in cents"):
        if before.strip("0"):
            head = commit(folder, subject)
        call(sock, "POST", f"{base}/push", {"ref": "refs/heads/main", "before": before, "after": head})
        before = head
    call(sock, "POST", f"{base}/dispatch", {"workflow": "nightly.yml"})
    until(lambda: len(runs()) == 4 and all(r["state"] == "completed" for r in runs()))
    call(sock, "POST", f"{base}/dispatch", {"workflow": "hold.yml"})
    until(lambda: any(r["state"] == "running" for r in runs()))
    if agent.errors:
        raise RuntimeError("; ".join(agent.errors))
    return agent
