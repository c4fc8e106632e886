"""Event-time windows over clicks: ShopFlow, Bytewax, Pathway and PyFlink, side by side.

Each reads the same JSON lines, in one process, and writes the same three answers: events and distinct
visitors per minute, product and type of event; distinct visitors per minute; and sessions that end with a
pause of 30 minutes. The figure is CPU seconds per million events, of the process and all it starts.

    bench.py [EVENTS]             beside the peers (1,000,000)
    bench.py postgres [EVENTS]    through the deployed function's handler into Postgres (500,000)

Fails when the answers differ. The peers count visitors exactly; ShopFlow up to 256, beyond that within
the error of its sketch. The last line is the result as JSON.

Quix Streams is not among them: its windows need a broker. `Application.topic` asks it for the topic, state
is opened when the broker assigns a partition, and `StreamingDataFrame.test` knows no windows.
"""

import ctypes
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clicks
from cloud import servers
from common import TARGET, build_examples, example

HERE = Path(__file__).resolve().parent
PEERS = {"Bytewax": "with_bytewax.py", "Pathway": "with_pathway.py", "PyFlink": "with_pyflink.py"}
# So few events show what starting takes.
START_EVENTS = 1000
# ShopFlow counts visitors exactly up to this many, then with a HyperLogLog of 4,096 registers.
EXACT = 256
STANDARD_ERROR = 1.04 / math.sqrt(4096)
# The root of the mean square says something of so many estimates.
ENOUGH = 50
# PR_SET_CHILD_SUBREAPER of Linux.
SUBREAPER = 36


@dataclass
class Used:
    """What a run took: elapsed and CPU seconds, and the largest process's memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass
class Answers:
    # By start of the minute in milliseconds, product and type: events and visitors.
    activity: dict[tuple, tuple[int, int]]
    # Visitors by start of the minute.
    traffic: dict[int, int]
    # By session and first event: last event and number of events.
    sessions: dict[tuple[str, int], tuple[int, int]]


def measured(command: list, log: Path) -> Used:
    """Runs a command to its end, and that of everything it started, such as a Java virtual machine."""
    started = time.perf_counter()
    environment = dict(os.environ, PATHWAY_THREADS="1")
    with log.open("wb") as output:
        main = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output, env=environment).pid
    cpu, peak, status = 0.0, 0, None
    while True:
        try:
            pid, ended, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        if pid == main:
            status, wall = ended, time.perf_counter() - started
    if status != 0:
        raise SystemExit(f"{command[0]} failed:\n{log.read_text()[-4000:]}")
    return Used(wall, cpu, peak / 1024)


def shopflow(path: Path, out: Path) -> list:
    definitions = sorted((HERE / "definitions").glob("*.yaml"))
    return [TARGET / "release" / "examples" / "stream_windows", "windows", path, out, *definitions]


def plain_parse(path: Path, _: Path) -> list:
    return [TARGET / "release" / "examples" / "stream_windows", "parse", path]


def peer(script: str):
    return lambda path, out: [sys.executable, HERE / script, path, out]


def millis(value: str | float) -> int:
    """A moment as the sides write it: milliseconds, or a text of SQL."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return int(value)


def rows(out: Path, name: str) -> list[dict]:
    """One file, or a folder with some."""
    place = out / f"{name}.jsonl"
    parts = [place] if place.exists() else sorted(path for path in (out / name).rglob("*") if path.is_file())
    return [json.loads(line) for part in parts for line in part.open()]


def keyed(entries: list[tuple]) -> dict:
    found = dict(entries)
    assert len(found) == len(entries), "a window is there twice"
    return found


def answers(out: Path) -> Answers:
    return Answers(
        keyed([((millis(row["start"]), row.get("product_id"), row["event_type"]), (row["events"], row["visitors"]))
               for row in rows(out, "activity")]),
        keyed([(millis(row["start"]), row["visitors"]) for row in rows(out, "traffic")]),
        keyed([((row["session_id"], millis(row["started"])), (millis(row["ended"]), row["events"]))
               for row in rows(out, "sessions")]),
    )


def same(name: str, found: Answers, expected: Answers) -> None:
    for part in ("activity", "traffic", "sessions"):
        one, other = getattr(found, part), getattr(expected, part)
        differing = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        assert not differing, (name, part, len(differing), differing[0], one.get(differing[0]), other.get(differing[0]))


def within_error(found: Answers, exact: Answers) -> dict:
    """Checks ShopFlow's answers against exact ones; how many visitors were estimated, and how well."""
    pairs = [(found.traffic.get(start), visitors) for start, visitors in exact.traffic.items()]
    pairs += [(found.activity.get(key, (0, None))[1], visitors) for key, (_, visitors) in exact.activity.items()]
    assert found.traffic.keys() == exact.traffic.keys()
    events = {key: events for key, (events, _) in found.activity.items()}
    assert events == {key: events for key, (events, _) in exact.activity.items()}, "events differ"
    assert found.sessions == exact.sessions, "sessions differ"
    wrong = [pair for pair in pairs if pair[1] <= EXACT and pair[0] != pair[1]]
    assert not wrong, ("few visitors are counted exactly", len(wrong), wrong[0])
    errors = [ours / visitors - 1 for ours, visitors in pairs if visitors > EXACT]
    largest = max(map(abs, errors), default=0.0)
    spread = math.sqrt(sum(error * error for error in errors) / max(len(errors), 1))
    assert largest <= 5 * STANDARD_ERROR, largest
    assert len(errors) < ENOUGH or spread <= 1.5 * STANDARD_ERROR, spread
    return {"estimated": len(errors), "largest_error": round(largest, 4), "standard_error": round(spread, 4)}


def beside_peers(count: int) -> None:
    build_examples()
    # Processes whose parent has ended are counted too.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    sides = {"shopflow": shopflow, **{name: peer(script) for name, script in PEERS.items()}}
    used: dict[str, Used] = {}
    starting: dict[str, Used] = {}
    found: dict[str, Answers] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        few, many, log = folder / "few.jsonl", folder / "clicks.jsonl", folder / "log"
        clicks.write(few, START_EVENTS)
        clicks.write(many, count)
        for name, command in sides.items():
            for path, results in ((few, starting), (many, used)):
                out = folder / name / path.stem
                out.mkdir(parents=True)
                results[name] = measured(command(path, out), log)
            found[name] = answers(out)
        parse = measured(plain_parse(many, folder), log)
    exact = found["Bytewax"]
    assert sum(events for events, _ in exact.activity.values()) == count
    for name in PEERS:
        same(name, found[name], exact)
    errors = within_error(found["shopflow"], exact)

    millions = count / 1e6
    windows = sum(len(part) for part in asdict(exact).values())
    print(f"\n{count:,} events in {windows:,} windows and sessions, the same from all (goal: 2x)")
    print(f"  {'':<12}{'CPU s per million':>18}{'without the start':>19}{'wall s':>9}{'MB':>7}")
    rates = {name: result.cpu / millions for name, result in used.items()}
    marginal = {name: (used[name].cpu - starting[name].cpu) / (count - START_EVENTS) * 1e6 for name in used}
    for name, result in used.items():
        ratio = "" if name == "shopflow" else f"   shopflow takes {rates['shopflow'] / rates[name]:.1%} of it"
        print(f"  {name:<12}{rates[name]:>18.2f}{marginal[name]:>19.2f}{result.wall:>9.2f}{result.peak_mb:>7.0f}{ratio}")
    print(f"  {'a plain parse':<16}{parse.cpu / millions:>14.2f}   JSON into columns with serde_json, nothing kept")
    print(f"  visitors estimated in {errors['estimated']:,} windows: standard error {errors['standard_error']:.2%},"
          f" at most {errors['largest_error']:.2%}")
    print(json.dumps({
        "events": count, "windows": windows, "errors": errors, "plain_parse_cpu_per_million": parse.cpu / millions,
        "sides": {name: {"cpu_per_million": rates[name], "without_start": marginal[name], **asdict(result)}
                  for name, result in used.items()},
    }))


def through_postgres(count: int) -> None:
    build_examples()
    # Clicks that have just come: what is old would be too old for some tables.
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(milliseconds=clicks.SPAN_MS, minutes=5)
    with tempfile.TemporaryDirectory() as temporary, servers():
        path = Path(temporary) / "clicks.jsonl"
        clicks.write(path, count, start)
        figures = example("backlog", path)
    print(f"\n{figures['events']:,} events from Kinesis batches into Postgres and the lake (goal: 20,000 events/s)")
    print(f"  {figures['events_per_second']:,.0f} events/s, {figures['seconds']:.2f} s,"
          f" {figures['windows']:,} windows written")
    print(json.dumps(figures))


def main() -> None:
    match sys.argv[1:]:
        case ["postgres", *rest]:
            through_postgres(int(rest[0]) if rest else 500_000)
        case rest:
            beside_peers(int(rest[0]) if rest else 1_000_000)


if __name__ == "__main__":
    main()
