"""What the benchmarks share: building and running examples, timing, and the table at the end."""

import json
import os
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))


def build_examples() -> None:
    """Builds every example with the features of the whole workspace, so that nothing is built twice."""
    subprocess.run(["cargo", "build", "--release", "--workspace", "--examples", "--quiet"],
                   cwd=REPOSITORY, check=True)


def build_command() -> Path:
    """Builds `shopflow`, likewise; its path."""
    subprocess.run(["cargo", "build", "--release", "--workspace", "--bin", "shopflow", "--quiet"],
                   cwd=REPOSITORY, check=True)
    return TARGET / "release" / "shopflow"


def example(name: str, *arguments: object) -> dict:
    """Runs an example that prints one JSON object, and returns it."""
    program = TARGET / "release" / "examples" / name
    output = subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True)
    return json.loads(output.stdout.strip().splitlines()[-1])


def best(rounds: int, action) -> float:
    """Seconds of the fastest of several rounds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def report(title: str, ours: float, peers: dict[str, float], work: float, unit: str) -> None:
    """Prints one line per side: seconds, `work` per second, and how many times ShopFlow is faster."""
    print(f"\n{title}")
    for name, seconds in {"shopflow": ours, **peers}.items():
        ratio = "" if name == "shopflow" else f"   shopflow is {seconds / ours:.1f}x as fast"
        print(f"  {name:<24} {seconds:8.3f} s  {work / seconds:10.2f} {unit}{ratio}")
