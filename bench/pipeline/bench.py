"""The whole pipeline beside what a team would assemble (assembled.py): the same files, S3 and Postgres.

    python3 bench/run.py pipeline [scale]
    python3 bench/run.py pipeline bulk [sales] [scale]

The first form makes a shop of `scale` (20: 100,000 sales, 295,000 clicks, 30,000 entities) and runs
both sides three times: first, again with the same files, and with 2 % new sales of one day. `bulk` drops one
file of new sales (2,000,000) over 252 days onto a first run of a shop of `scale`.

ShopFlow runs as deployed, on a new local cloud that ends with the benchmark; its time is that of the
execution of the state machine, from its first state to success. Before that the emulator waits for
150 ms, which Step Functions does not; the wait is shown apart. The assembled stack is a script, and its time starts
when it is connected. Both must agree on the revenue of each day, product and customer to the cent. CPU seconds are those of the
functions, the emulator and Postgres, until everything is at rest again.
"""

import calendar
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import boto3
import psycopg2

from cloud import Cloud, cloud
from inputs import RUN_DATE, count_sales, new_sales, shop
from meter import Meter, difference

PEER = "assembled"
INCREMENT = 0.02
BULK_DAYS = 252

# What the parts of both sides do, side by side: title, functions of ShopFlow, stages of the peer.
PARTS = [
    ("files read, rules", ["validate", "upload"], ["rules"]),
    ("core in Postgres", ["load"], ["load"]),
    ("silver, star, gold", ["transform"], ["silver", "gold", "publish"]),
    ("checks", ["quality"], ["checks"]),
    ("small files, ledger", ["compact", "record"], []),
]
# What both must agree on: a query of ShopFlow's warehouse, and of the peer's schema.
ANSWERS = {
    "revenue per day": ("SELECT event_date, revenue FROM warehouse.daily_sales",
                        f"SELECT period::date, revenue::numeric(18, 2) FROM {PEER}.gold_daily"),
    "revenue per product": ("SELECT product_id, revenue FROM warehouse.product_sales",
                            f"SELECT product_id, revenue::numeric(18, 2) FROM {PEER}.gold_product"),
    "lifetime value": ("SELECT customer_id, revenue FROM warehouse.customer_lifetime_value",
                       f"SELECT customer_id, revenue::numeric(18, 2) FROM {PEER}.gold_lifetime"),
}


@dataclass
class Side:
    """One run of one side, in seconds."""

    total: float
    # Elapsed time by function or stage; those of ShopFlow that run beside each other count once.
    stages: dict[str, float]
    cpu: dict[str, float]
    # What the emulator waits before the first state of an execution; not part of the total.
    wait: float = 0.0
    cost_usd: float | None = None


@dataclass
class Case:
    name: str
    sales: int
    shopflow: Side
    assembled: Side


class Bench:
    def __init__(self, started: Cloud, folder: Path):
        self.cloud, self.folder = started, folder
        self.meter = Meter(started.emulator, started.postgres)
        self.aws = boto3.Session(started.variables["AWS_ACCESS_KEY_ID"], started.variables["AWS_SECRET_ACCESS_KEY"],
                                 region_name=started.variables["AWS_REGION"])
        self.s3 = self.aws.client("s3", endpoint_url=started.variables["AWS_ENDPOINT_URL"])
        self.s3.create_bucket(Bucket=PEER)
        with closing(psycopg2.connect(started.admin_url)) as server:
            server.autocommit = True
            server.cursor().execute(f"CREATE DATABASE {PEER}")
        self.peer_url = urlunsplit(urlsplit(started.admin_url)._replace(path=f"/{PEER}"))

    def case(self, name: str, every: list[Path], new: list[Path], run_date: date) -> Case:
        """Runs both sides: ShopFlow takes the new files, the assembled stack every one, and both must agree."""
        ours, peer = self.shopflow(new, run_date), self.assembled(every)
        self.compare()
        case = Case(name, count_sales(every), ours, peer)
        show(case)
        return case

    def shopflow(self, files: list[Path], run_date: date) -> Side:
        before = self.meter.settle()
        chosen = [argument for file in files for argument in ("--file", file)]
        report = json.loads(self.cloud.shopflow("run", "--json", "--run-date", run_date, *chosen))
        cpu = difference(self.meter.settle(), before)
        address = urlsplit(report["reports"])
        summary = json.load(self.s3.get_object(Bucket=address.netloc, Key=address.path.lstrip("/"))["Body"])
        wait = self.wait_at_start(report["run_id"])
        return Side(report["duration_ms"] / 1000 - wait, elapsed(summary["usage"]), cpu, wait, report["cost_usd"])

    def wait_at_start(self, run_id: str) -> float:
        """Seconds between the start of an execution and its first state."""
        machine = self.cloud.variables["PIPELINE_ARN"]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{run_id}"
        states = self.aws.client("stepfunctions", endpoint_url=self.cloud.variables["AWS_ENDPOINT_URL"])
        started, entered = states.get_execution_history(executionArn=arn, maxResults=2)["events"]
        return (entered["timestamp"] - started["timestamp"]).total_seconds()

    def assembled(self, files: list[Path]) -> Side:
        before, children = self.meter.settle(), child_seconds()
        environment = {**self.cloud.environment(), "DATABASE_URL": self.peer_url}
        command = [sys.executable, Path(__file__).parent / "assembled.py", PEER, PEER, *files]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        cpu = {"script": child_seconds() - children, **difference(self.meter.settle(), before)}
        result = json.loads(done.stdout)
        wrong = {check: found for check, found in result["checks"].items() if float(found) != 0}
        if wrong:
            raise SystemExit(f"the assembled stack's checks found: {wrong}")
        stages = result["seconds"]
        return Side(sum(stages.values()), stages, cpu)

    def compare(self) -> None:
        with (closing(psycopg2.connect(self.cloud.variables["DATABASE_URL"])) as ours,
              closing(psycopg2.connect(self.peer_url)) as peer):
            for name, queries in ANSWERS.items():
                found, expected = (answer(side, query) for side, query in zip((ours, peer), queries))
                if found != expected:
                    differing = sorted(key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key))
                    first = differing[0]
                    raise SystemExit(f"{name} differs in {len(differing)} of {len(expected)} rows, first {first}: "
                                     f"ShopFlow {found.get(first)}, assembled stack {expected.get(first)}")
                if not found:
                    raise SystemExit(f"{name} is empty on both sides")


def answer(connection, query: str) -> dict:
    cursor = connection.cursor()
    cursor.execute(query)
    return dict(cursor.fetchall())


def child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def elapsed(usage: list[dict]) -> dict[str, float]:
    """Seconds in which each function was at work, and in which any was (`functions`)."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for call in usage:
        start = seconds_of(call["started_at"])
        spans.setdefault(call["function"], []).append((start, start + call["duration_ms"] / 1000))
    every = [span for of_function in spans.values() for span in of_function]
    return {**{name: covered(found) for name, found in spans.items()}, "functions": covered(every)}


def seconds_of(moment: str) -> float:
    """2026-01-15T06:00:00.123456789Z as seconds."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


def covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of some spans."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def show(case: Case) -> None:
    ours, peer = case.shopflow, case.assembled
    print(f"\n{case.name}, {case.sales:,} sales in all")
    print(f"  {'':<22}{'ShopFlow':>10}{'CPU':>8}   {'assembled':>10}   of the peer")
    known = set()
    for title, functions, stages in PARTS:
        seconds = sum(ours.stages.get(name, 0.0) for name in functions)
        cpu = sum(ours.cpu.get(name, 0.0) for name in functions)
        theirs = f"{sum(peer.stages[name] for name in stages):8.2f} s" if stages else ""
        print(f"  {title:<22}{seconds:8.2f} s{cpu:8.2f}   {theirs:>10}   {', '.join(stages)}")
        known.update(functions)
    # The catalog runs after the end of the run.
    others = {name: seconds for name, seconds in ours.cpu.items() if name not in known}
    between = ours.total - ours.stages["functions"]
    print(f"  {'between the functions':<22}{between:8.2f} s{'':>8}   (and {ours.wait:.2f} s of the emulator's own at the start)")
    print(f"  {'in all':<22}{ours.total:8.2f} s{sum(ours.cpu.values()):8.2f}   {peer.total:8.2f} s   "
          f"ShopFlow takes {ours.total / peer.total:.2f} times as long")
    print("  CPU seconds, ShopFlow:  " + listed({**{name: ours.cpu.get(name, 0.0) for name in known}, **others}))
    print("  CPU seconds, assembled: " + listed(peer.cpu))


def listed(seconds: dict[str, float]) -> str:
    used = sorted(((taken, name) for name, taken in seconds.items() if taken >= 0.005), reverse=True)
    return ", ".join(f"{name} {taken:.2f}" for taken, name in used)


def day_by_day(bench: Bench, scale: float) -> list[Case]:
    files = shop(bench.cloud, scale, bench.folder / "shop")
    rows = max(1, round(count_sales(files) * INCREMENT))
    increment = new_sales(files, rows, RUN_DATE, 1, bench.folder / "transactions-increment.csv")
    return [
        bench.case(f"first run, scale {scale:g}", files, files, RUN_DATE),
        bench.case("the same files again", files, files, RUN_DATE),
        bench.case(f"{rows:,} new sales of one day", [*files, increment], [increment], RUN_DATE + timedelta(days=1)),
    ]


def bulk(bench: Bench, sales: int, scale: float) -> list[Case]:
    files = shop(bench.cloud, scale, bench.folder / "shop")
    start = RUN_DATE - timedelta(days=BULK_DAYS)
    file = new_sales(files, sales, start, BULK_DAYS, bench.folder / "transactions-bulk.csv")
    first = bench.case(f"first run, scale {scale:g}", files, files, RUN_DATE)
    return [first, bench.case(f"{sales:,} new sales over {BULK_DAYS} days in one file", [*files, file], [file], RUN_DATE)]


def main() -> None:
    arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, cloud() as started:
        bench = Bench(started, Path(folder))
        if arguments[:1] == ["bulk"]:
            sales = int(arguments[1]) if len(arguments) > 1 else 2_000_000
            scale = float(arguments[2]) if len(arguments) > 2 else 20
            cases = bulk(bench, sales, scale)
        else:
            scale = float(arguments[0]) if arguments else 20
            cases = day_by_day(bench, scale)
    result = {"topic": "pipeline", "scale": scale, "cores": os.cpu_count(), "cases": [rounded(asdict(case)) for case in cases]}
    print(json.dumps(result))


def rounded(value):
    """The same with seconds to milliseconds, and without what used none."""
    if isinstance(value, dict):
        return {name: rounded(found) for name, found in value.items() if found not in (0, None)}
    return round(value, 6 if value < 0.1 else 3) if isinstance(value, float) else value


main()
