"""Event-time windows over clicks: ShopFlow, Bytewax, Pathway and PyFlink, side by side.

Three parts. In "peers", each side reads the same JSON lines, in one process, and writes the same three
answers: events and distinct visitors per minute, product and type of event; distinct visitors per minute;
and sessions that end with a pause of 30 minutes. The figure is CPU seconds per million events, of the
process and all it starts. Fails when the answers differ. The peers count visitors exactly; ShopFlow up to
256, beyond that within the error of its sketch.

"postgres" gives the events to the handler of the deployed function, in batches as Kinesis has them, which
puts them into Postgres and the lake. Fails when an event is missing.

"live" is the stream as deployed, on a cloud of its own: the time from an event to the figures of an open page,
and a rate that is kept up for long. It fails when events are lost or count twice, never for a time.
The last line is the result as JSON.

    bench.py [EVENTS] [peers|postgres|live ...] [--screen RATE SECONDS] [--sustain RATE SECONDS] [--packed EVENTS]

Quix Streams is not among them: its windows need a broker. `Application.topic` asks it for the topic, state
is opened when the broker assigns a partition, and `StreamingDataFrame.test` knows no windows.
"""

import argparse
import ctypes
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import clicks
from cloud import cloud, servers
from common import TARGET, build_examples, example
from screen import event_to_screen
from sustained import sustained

HERE = Path(__file__).resolve().parent
# The module and the program of each.
PEERS = {
    "Bytewax": ("bytewax", "with_bytewax.py"),
    "Pathway": ("pathway", "with_pathway.py"),
    "PyFlink": ("pyflink", "with_pyflink.py"),
}
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
    """A moment as the sides write it: milliseconds, almost whole for Pathway, or a text of SQL."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return round(value)


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


@contextmanager
def taking_orphans() -> Iterator[None]:
    """Processes whose parent has ended become this one's, so that what they used is told."""
    system = ctypes.CDLL(None)
    system.prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        system.prctl(SUBREAPER, 0, 0, 0, 0)


def beside_peers(count: int) -> dict:
    # The small size installs none of those that take gigabytes.
    peers = {name: script for name, (module, script) in PEERS.items() if importlib.util.find_spec(module)}
    for name in PEERS.keys() - peers.keys():
        print(f"{name} is left out: it is not installed", file=sys.stderr)
    if "PyFlink" in peers and not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        print("PyFlink is left out: it needs java on the path, or JAVA_HOME", file=sys.stderr)
        del peers["PyFlink"]
    sides = {"shopflow": shopflow, **{name: peer(script) for name, script in peers.items()}}
    used: dict[str, Used] = {}
    starting: dict[str, Used] = {}
    found: dict[str, Answers] = {}
    with tempfile.TemporaryDirectory() as temporary, taking_orphans():
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
    for name in peers:
        same(name, found[name], exact)
    errors = within_error(found["shopflow"], exact)

    millions = count / 1e6
    windows = len(exact.activity) + len(exact.traffic) + len(exact.sessions)
    print(f"\n{count:,} events in {windows:,} windows and sessions, the same from all"
          " (goal: the best peer takes 2 times as much, starting left aside)")
    print(f"  {'':<12}{'CPU s per million':>18}{'without the start':>19}{'wall s':>9}{'MB':>7}")
    rates = {name: result.cpu / millions for name, result in used.items()}
    marginal = {name: (used[name].cpu - starting[name].cpu) / (count - START_EVENTS) * 1e6 for name in used}
    ours = max(marginal["shopflow"], 1e-6)
    for name, result in used.items():
        ratio = f"   {marginal[name] / ours:.1f} times as much" if name != "shopflow" else ""
        print(f"  {name:<12}{rates[name]:>18.2f}{marginal[name]:>19.2f}{result.wall:>9.2f}"
              f"{result.peak_mb:>7.0f}{ratio}")
    print(f"  {'a plain parse':<16}{parse.cpu / millions:>14.2f}   JSON into columns with serde_json, nothing kept")
    print(f"  visitors estimated in {errors['estimated']:,} windows: standard error {errors['standard_error']:.2%},"
          f" at most {errors['largest_error']:.2%}")
    return {
        "events": count, "windows": windows, "errors": errors, "plain_parse_cpu_per_million": parse.cpu / millions,
        "sides": {name: {"cpu_per_million": rates[name], "without_start": marginal[name], **asdict(result)}
                  for name, result in used.items()},
    }


def through_postgres(count: int) -> dict:
    # Clicks that have just come: what is old would be too old for some tables.
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(milliseconds=clicks.SPAN_MS, minutes=5)
    with tempfile.TemporaryDirectory() as temporary, servers():
        path = Path(temporary) / "clicks.jsonl"
        clicks.write(path, count, start)
        figures = example("backlog", path)
    print(f"\n{figures['events']:,} events from Kinesis batches into Postgres and the lake (goal: 20,000 events/s)")
    print(f"  {figures['events_per_second']:,.0f} events/s, {figures['seconds']:.2f} s,"
          f" {figures['windows']:,} windows written")
    return figures


def live(arguments: argparse.Namespace) -> dict:
    with cloud() as started:
        return {"screen": event_to_screen(started, *arguments.screen),
                "sustained": sustained(started, *arguments.sustain, arguments.packed)}


PARTS = {
    "peers": lambda arguments: beside_peers(arguments.events),
    "postgres": lambda arguments: through_postgres(arguments.events),
    "live": live,
}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Event-time windows over clicks, beside peers and as deployed.")
    pair = {"nargs": 2, "type": float, "metavar": ("RATE", "SECONDS")}
    parser.add_argument("chosen", nargs="*", metavar="EVENTS|" + "|".join(PARTS))
    parser.add_argument("--screen", default=[500, 60], help="events per second from event to screen, and for how long",
                        **pair)
    parser.add_argument("--sustain", default=[5000, 300], help="the same of the rate that is kept up", **pair)
    parser.add_argument("--packed", type=int, default=100, metavar="EVENTS",
                        help="events in a record of the rate that is kept up; 0: by `shopflow stream`")
    arguments = parser.parse_args()
    numbers = [word for word in arguments.chosen if word.isdigit()]
    arguments.events = int(numbers[0]) if numbers else 1_000_000
    arguments.parts = [word for word in arguments.chosen if not word.isdigit()] or list(PARTS)
    if len(numbers) > 1 or not set(arguments.parts) <= PARTS.keys():
        parser.error(f"expected a number of events and parts among {', '.join(PARTS)}")
    return arguments


def main() -> None:
    arguments = parsed()
    if arguments.parts != ["live"]:
        build_examples()
    print(json.dumps({part: PARTS[part](arguments) for part in arguments.parts}))


if __name__ == "__main__":
    main()
