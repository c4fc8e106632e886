"""Synthetic shop data to CSV files on disk, beside tpchgen-cli (Rust) and DuckDB.

The peers make TPC-H data of about the same size: what counts is bytes of CSV per second.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from common import REPOSITORY, build_command


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(name: str, folder: Path, action) -> None:
    folder.mkdir()
    started = time.perf_counter()
    action(folder)
    seconds = time.perf_counter() - started
    RATES[name] = size(folder) / seconds / 1e6
    print(f"  {name:<24} {size(folder) / 1e6:8.0f} MB in {seconds:6.2f} s")


RATES: dict[str, float] = {}


def with_duckdb(folder: Path, factor: float) -> None:
    connection = duckdb.connect()
    connection.execute(f"INSTALL tpch; LOAD tpch; CALL dbgen(sf = {factor})")
    connection.execute(f"EXPORT DATABASE '{folder}' (FORMAT csv)")


def main() -> None:
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 200
    program = build_command()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [program, "generate", "--scale", str(scale), "--out"]
        timed("shopflow", folder / "shopflow",
              lambda out: subprocess.run([*command, out], cwd=REPOSITORY, check=True, capture_output=True))
        # A TPC-H scale factor of 1 is about a gigabyte of CSV.
        factor = max(round(size(folder / "shopflow") / 1e9, 2), 0.01)
        tpchgen = Path(sys.executable).with_name("tpchgen-cli")
        timed("tpchgen-cli", folder / "tpchgen", lambda out: subprocess.run(
            [tpchgen, "csv", "-s", str(factor), "--quiet", "--output-dir", out], check=True, capture_output=True))
        try:
            timed("DuckDB " + duckdb.__version__, folder / "duckdb", lambda out: with_duckdb(out, factor))
        except duckdb.IOException as problem:
            print(f"DuckDB left out: {str(problem).splitlines()[0]}", file=sys.stderr)
    print("\ngenerate, all files to disk")
    for name, rate in RATES.items():
        ratio = "" if name == "shopflow" else f"   shopflow is {RATES['shopflow'] / rate:.1f}x as fast"
        print(f"  {name:<24} {rate:8.0f} MB/s{ratio}")


main()
