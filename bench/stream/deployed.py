"""The deployed stream from outside: a producer, pages that are open, its counters and what its function logs."""

import base64
import gzip
import http.client
import json
import math
import random
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psycopg2

from clicks import ABOUT_PRODUCTS, COUNTRIES, DEVICES, PRODUCTS, STEPS
from cloud import Cloud
from common import REPOSITORY

SCRIPT = REPOSITORY / "functions" / "dashboard" / "assets" / "dashboard.js"
COUNTERS = ["received", "applied", "repeated", "duplicates", "refused", "too_late", "future"]
# One event in so many is sent a second time, which must have no effect.
AGAIN = 100
# Records that a call takes, and events of the log that an answer has.
RECORDS, LOG_EVENTS = 500, 10_000
# Seconds in which a log, or the counters, may stand still before something is missing.
PATIENCE = 60


class Emulator:
    """A connection to the emulator that is kept. It asks for no signature."""

    def __init__(self, endpoint: str):
        address = urlsplit(endpoint)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)

    def call(self, target: str, body: dict) -> dict:
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
        self.connection.request("POST", "/", json.dumps(body).encode(), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{target} answered {answer.status}: {content.decode()}")
        return json.loads(content)


class Counters:
    """What the stream counts of its shards, added up."""

    def __init__(self, started: Cloud):
        self.connection = psycopg2.connect(started.variables["DATABASE_URL"])
        self.connection.autocommit = True
        self.stream = started.variables["CLICK_STREAM"]

    def read(self) -> dict[str, int]:
        sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in COUNTERS)
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT {sums} FROM stream.shards WHERE stream = %s", [self.stream])
        return dict(zip(COUNTERS, cursor.fetchone()))

    def since(self, before: dict[str, int]) -> dict[str, int]:
        return {name: count - before[name] for name, count in self.read().items()}

    def settle(self, before: dict[str, int], sent: int) -> dict[str, int]:
        """Waits until so many events have been read; what has become of them."""
        limit, last = time.monotonic() + PATIENCE, -1
        while True:
            found = self.since(before)
            once = found["received"] - found["repeated"]
            if once >= sent:
                return found
            if once != last:
                limit, last = time.monotonic() + PATIENCE, once
            if time.monotonic() > limit:
                raise SystemExit(f"of {sent:,} events {sent - once:,} are lost: {found}")
            time.sleep(0.1)


@dataclass
class Sender:
    """Sends clicks of now, in order and evenly: a call has what is due since the one before."""

    emulator: Emulator
    stream: str
    # Events per second, seconds between two calls, events in a record.
    rate: float
    every: float
    packed: int = 1
    # What has been sent: events, of these for the first time, and records.
    sent: int = 0
    distinct: int = 0
    records: int = 0
    # By shard, in order: when the call of a record was due, and events of the record.
    on_shard: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    # Seconds of each call, and the longest that one was behind its time.
    calls: list[float] = field(default_factory=list)
    behind: float = 0.0
    draw: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self):
        visits = max(10, round(self.rate * 5))
        self.visits = [(f"{self.draw.getrandbits(64):016x}", self.draw.choice(DEVICES), self.draw.choice(COUNTRIES))
                       for _ in range(visits)]
        # Records of several events: each visit has its place, so that its events stay in order.
        self.lanes = max(4, math.ceil(self.rate * self.every / self.packed))
        self.last: tuple[int, str] = (0, "")

    def run(self, seconds: float) -> None:
        began = time.time()
        for number in range(round(seconds / self.every)):
            due = began + number * self.every
            time.sleep(max(0.0, due - time.time()))
            self.behind = max(self.behind, time.time() - due)
            records = self.pack(round(self.rate * self.every * (number + 1)) - self.sent)
            for first in range(0, len(records), RECORDS):
                self.put(records[first:first + RECORDS], due)

    def pack(self, events: int) -> list[tuple[str, list[str]]]:
        """Partition keys and lines of the next records."""
        single, lanes = [], {}
        for number in range(self.sent, self.sent + events):
            if number % AGAIN == AGAIN - 1:
                visit, line = self.last
            else:
                visit = self.draw.randrange(len(self.visits))
                line = self.click(visit)
                self.last = (visit, line)
                self.distinct += 1
            if self.packed == 1:
                single.append((self.visits[visit][0], [line]))
            else:
                lanes.setdefault(f"lane-{visit % self.lanes}", []).append(line)
        self.sent += events
        return single or list(lanes.items())

    def click(self, visit: int) -> str:
        session, device, country = self.visits[visit]
        step = self.draw.choices(list(STEPS), STEPS.values())[0]
        product = self.draw.randint(1, PRODUCTS) if step in ABOUT_PRODUCTS else None
        event = {
            "event_id": str(uuid.uuid4()), "session_id": session,
            "customer_id": None, "event_type": step, "product_id": product,
            "url": f"https://shop.example/{step}/{product or ''}", "referrer": None, "device": device,
            "country": country, "timestamp": datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z",
        }
        if step == "purchase":
            event["amount"] = f"{self.draw.randint(500, 20_000) / 100:.2f}"
        return json.dumps(event, separators=(",", ":"))

    def put(self, records: list[tuple[str, list[str]]], due: float) -> None:
        body = {"StreamName": self.stream, "Records": [
            {"PartitionKey": key, "Data": base64.b64encode("\n".join(lines).encode()).decode()}
            for key, lines in records]}
        began = time.perf_counter()
        answer = self.emulator.call("Kinesis_20131202.PutRecords", body)
        self.calls.append(time.perf_counter() - began)
        if answer["FailedRecordCount"]:
            raise SystemExit(f"{answer['FailedRecordCount']} records were not taken")
        for (_, lines), taken in zip(records, answer["Records"]):
            self.on_shard.setdefault(taken["ShardId"], []).append((due, len(lines)))
        self.records += len(records)

    def expected(self) -> dict[str, int]:
        """What becomes of the events, each once in effect."""
        nothing = dict.fromkeys(["refused", "too_late", "future"], 0)
        return {"applied": self.distinct, "duplicates": self.sent - self.distinct, **nothing}

    def check(self, found: dict[str, int]) -> None:
        wrong = {name: (count, found[name]) for name, count in self.expected().items() if found[name] != count}
        if wrong:
            raise SystemExit(f"events are lost or count twice; expected and found: {wrong}")


@dataclass(frozen=True)
class Page:
    """How the page asks, as its script has it: seconds, and names."""

    every: float
    patience: float
    slowest: float
    address: str
    tag: str

    @staticmethod
    def read() -> "Page":
        script = SCRIPT.read_text()

        def found(pattern: str) -> str:
            match = re.search(pattern, script)
            if not match:
                raise SystemExit(f"{SCRIPT.relative_to(REPOSITORY)} does not ask as expected: {pattern} is not there")
            return match[1]

        seconds = (int(found(rf"const {name} = (\d+);")) / 1000 for name in ("EVERY", "PATIENCE", "SLOWEST"))
        return Page(*seconds, found(r"fetch\('([^']+)'"), found(r"etag \? \{'([^']+)': etag\}"))


class Viewer(threading.Thread):
    """An open page: it asks, and after each answer it waits. What the answers count is kept."""

    def __init__(self, link: str, page: Page, every: float | None = None):
        super().__init__(daemon=True)
        self.page, self.every = page, page.every if every is None else every
        self.over = threading.Event()
        # Of answers with figures: when each was there, how many events it counts, and the seconds it took.
        self.counted: list[tuple[float, int]] = []
        self.took: list[float] = []
        # Questions without an answer, and what must not happen.
        self.failures, self.problem = 0, ""
        self.figures: dict = {}
        self.etag: str | None = None
        link_parts = urlsplit(link)
        self.host, self.folder = link_parts.netloc, link_parts.path
        self.connection = self.connected()
        self.connection.request("GET", f"{link_parts.path}?{link_parts.query}")
        entered = self.connection.getresponse()
        entered.read()
        if entered.status != 303:
            raise SystemExit(f"the link to the page is answered with {entered.status}")
        self.cookie = entered.headers["set-cookie"].split(";")[0]

    def connected(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=self.page.patience)

    def run(self) -> None:
        # Pages are opened at any time.
        self.over.wait(random.uniform(0, self.every))
        failed = 0
        while not self.over.is_set():
            wait, later = self.every, self.ask()
            failed = 0 if later is None else failed + 1
            if later is not None:
                step = min(self.page.slowest, self.every * 2 ** min(failed, 5))
                wait = max(later, step * (0.5 + random.random() / 2))
            if self.problem:
                return
            self.over.wait(wait)

    def ask(self) -> float | None:
        """Asks once; when there is no answer, the seconds that are asked for before the next question."""
        headers = {"cookie": self.cookie, "accept-encoding": "gzip"}
        if self.etag:
            headers[self.page.tag] = self.etag
        began = time.perf_counter()
        try:
            self.connection.request("GET", self.folder + self.page.address, headers=headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.failures += 1
            return 0.0
        arrived = time.time()
        took = time.perf_counter() - began
        if answer.status == 304:
            return None
        if answer.status != 200:
            self.failures += 1
            # Too much to do is a matter of time; anything else is wrong.
            if answer.status not in (429, 502, 503, 504):
                self.problem = f"the page's question was answered with {answer.status}"
            return float(answer.headers.get("retry-after", 0))
        is_packed = answer.headers["content-encoding"] == "gzip"
        self.figures = json.loads(gzip.decompress(content) if is_packed else content)
        self.etag = answer.headers["etag"]
        counts = self.figures["counts"]
        self.counted.append((arrived, counts["received"] if counts else 0))
        self.took.append(took)
        return None

    def took_between(self, since: float, until: float) -> list[float]:
        return [took for (arrived, _), took in zip(self.counted, self.took) if since <= arrived <= until]

    def wait_for(self, received: int) -> None:
        """Waits until an answer counts so many events."""
        limit = time.monotonic() + PATIENCE
        while not self.counted or self.counted[-1][1] < received:
            if self.problem or time.monotonic() > limit:
                last = self.counted[-1][1] if self.counted else None
                raise SystemExit(self.problem or f"the page shows {last} events, and {received} have been read")
            time.sleep(0.05)

    def end(self) -> None:
        self.over.set()
        self.join()
        if self.problem:
            raise SystemExit(self.problem)


@dataclass
class Commit:
    """Events of a shard that became effective together."""

    at: float
    shard: str
    received: int
    repeated: int


@dataclass
class Batch:
    """A call of the function with records, as it is logged: when it ended, and milliseconds."""

    ended: float
    # In the function.
    function: float
    # As the emulator sees it, which gives the records to the function and takes the answer.
    call: float
    commits: list[Commit]


def batches(emulator: Emulator, since: float) -> list[Batch]:
    """The batches of the stream function from a moment on, in order."""
    commits: dict[str, list[Commit]] = {}
    ended: dict[str, tuple[float, float]] = {}
    calls: dict[str, float] = {}
    for message in logged(emulator, "stream", since):
        report = re.match(r"REPORT RequestId: (\S+)\s+Duration: ([\d.]+) ms", message)
        if report:
            calls[report[1]] = float(report[2])
        if not message.startswith("{"):
            continue
        entry = json.loads(message)
        request = entry.get("span", {}).get("request_id")
        match entry["message"]:
            case "records in effect":
                commit = Commit(moment(entry), entry["shard"], entry["received"], entry["repeated"])
                commits.setdefault(request, []).append(commit)
            case "done":
                ended[request] = (moment(entry), entry["duration_ms"])
    found = [Batch(*ended[request], calls[request], effective) for request, effective in commits.items()
             if request in ended and request in calls]
    return sorted((batch for batch in found if batch.ended >= since), key=lambda batch: batch.ended)


def answers(emulator: Emulator, since: float, until: float) -> list[float]:
    """Milliseconds in the dashboard function of each answer with figures."""
    entries = (json.loads(message) for message in logged(emulator, "dashboard", since) if message.startswith("{"))
    return [entry["duration_ms"] for entry in entries
            if entry["message"] == "done" and entry.get("status") == 200 and since <= moment(entry) <= until]


def logged(emulator: Emulator, function: str, since: float) -> Iterator[str]:
    """Each line of a function's log once, from a moment on."""
    start, known = int(since * 1000), set()
    while True:
        # More than an answer holds goes on from its last moment, of which some are there again.
        chosen = {"logGroupName": f"/aws/lambda/shopflow-local-{function}", "startTime": start, "limit": LOG_EVENTS}
        events = emulator.call("Logs_20140328.FilterLogEvents", chosen)["events"]
        for event in events:
            line = (event["logStreamName"], event["message"])
            if line not in known:
                known.add(line)
                yield event["message"]
        if len(events) < LOG_EVENTS:
            return
        start = events[-1]["timestamp"]


def moment(entry: dict) -> float:
    return datetime.fromisoformat(entry["timestamp"].replace("Z", "+00:00")).timestamp()


def link_to_page(started: Cloud) -> str:
    return started.shopflow("dashboard").strip()


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least this share is not above."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
