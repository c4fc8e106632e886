#!/usr/bin/env python3
"""Runs one benchmark: python3 bench/run.py <topic> [arguments].

`python3 bench/run.py --smoke [topic...]` runs every topic, or those named, once at a small size: it shows
that both sides still work and agree, and judges no times.
`python3 bench/run.py --install <topic>` only installs its peers and prints the interpreter that has them.

Each topic is a folder with a bench.py that runs ShopFlow and its peers in the same run, checks that
they answer alike, and prints both figures and the ratio. The peers come, at pinned versions, from the
topic's requirements.txt into an environment; topics with the same requirements share one.
"""

import hashlib
import os
import subprocess
import sys
import time
import venv
from contextlib import ExitStack
from pathlib import Path

from cloud import SHARED, cloud, servers_of

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
ENVIRONMENTS = Path(os.environ.get("SHOPFLOW_HOME", REPOSITORY / ".shopflow")) / "bench"
# Arguments that make a topic small. The pipeline comes first, as it wants a cloud without data.
SMALL = {
    "pipeline": ["0.2"],
    "cdc": ["5000"],
    "clv": ["5000"],
    "compact": ["40", "500"],
    "data_docs": ["3"],
    "expectations": ["20000"],
    "features": ["20000", "100000", "2000", "4"],
    "generate": ["2"],
    "gold": ["50000"],
    "load": ["20000"],
    "memory": ["1"],
    "privacy": ["10"],
    "profile": ["100000"],
    "recommend": ["50000"],
    "scd2": ["10000"],
    "stream": ["20000", "--screen", "100", "5", "--sustain", "500", "10", "--packed", "0"],
    "validate": ["100000"],
}
# Topics that need the servers of a cloud, or all of it.
CLOUD = ["pipeline", "cdc", "compact", "load", "memory", "scd2", "stream"]


def topics() -> list[str]:
    return sorted(path.parent.name for path in BENCH.glob("*/bench.py"))


def ensure_environment(topic: str, is_small: bool = False) -> Path:
    """Installs the pinned peers of a topic unless they are there; the path of the interpreter.

    Peers of gigabytes stand in requirements-large.txt. The small size goes without them.
    """
    files = [BENCH / topic / "requirements.txt"]
    if not is_small:
        files.append(BENCH / topic / "requirements-large.txt")
    files = [path for path in files if path.exists()]
    if not files:
        return Path(sys.executable)
    lines = [line for path in files for line in path.read_text().splitlines()]
    pins = "\n".join(sorted(line for line in lines if line and not line.startswith("#")))
    environment = ENVIRONMENTS / ("peers-" + hashlib.sha256(pins.encode()).hexdigest()[:12])
    stamp = environment / "installed.txt"
    python = environment / "bin" / "python"
    if not stamp.exists():
        print(f"installing the peers of {topic}", file=sys.stderr)
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *(f"-r{path}" for path in files)], check=True)
        stamp.write_text(pins)
    return python


def run(topic: str, arguments: list[str], is_small: bool = False) -> int:
    python = ensure_environment(topic, is_small)
    environment = dict(os.environ, PYTHONPATH=str(BENCH))
    script = BENCH / topic / "bench.py"
    return subprocess.run([python, script, *arguments], cwd=REPOSITORY, env=environment).returncode


def smoke(chosen: list[str]) -> int:
    """Every topic at a small size, on one cloud; the number of those that failed."""
    assert sorted(SMALL) == topics(), "a topic without a small size"
    failed = []
    with ExitStack() as stack:
        if set(chosen) & set(CLOUD):
            started = stack.enter_context(cloud())
            os.environ.update(servers_of(started), **{SHARED: "true"})
        for topic in chosen:
            print(f"\n=== {topic} {' '.join(SMALL[topic])}", flush=True)
            began = time.monotonic()
            if run(topic, SMALL[topic], is_small=True):
                failed.append(topic)
            print(f"    {time.monotonic() - began:.1f} s", flush=True)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def main() -> int:
    match sys.argv[1:]:
        case ["--install", topic] if topic in topics():
            print(ensure_environment(topic))
            return 0
        case ["--smoke", *chosen] if set(chosen) <= set(topics()):
            return min(smoke([topic for topic in SMALL if topic in (chosen or SMALL)]), 1)
        case [topic, *arguments] if topic in topics():
            return run(topic, arguments)
    print(f"usage: bench/run.py <{'|'.join(topics())}> [arguments], or --smoke [topic...]", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
