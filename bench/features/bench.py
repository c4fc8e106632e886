"""Features beside a spine, as of each row's moment: ShopFlow, DuckDB, Polars and Feast, side by side.

All read the same Parquet files: a spine of customers and moments in any order, and five features of a view
in several files, with the time each row is about and the time it was known. Two sets: in "at once" each
row is known at the moment it is about; in "late" some are known up to a month later, and some are
corrected. There the peers must leave out what was known only after the moment asked about, which ASOF joins
do not. The time to live is 30 days. Fails when the answers differ.

Every peer runs in a process of its own, with two threads. Feast takes most of a gigabyte to install and is
not part of the small size.

    bench.py [ROWS OF THE SPINE] [ROWS OF THE VIEW] [CUSTOMERS] [FILES]
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from common import build_examples, example, report

ROUNDS = 3
TTL = 30
PEERS = {
    "at once": ["DuckDB ASOF", "Polars join_asof", "Feast"],
    "late": ["DuckDB ASOF known", "DuckDB latest known", "Polars join_asof known", "Feast known"],
}


def peer(name: str, folder: Path, out: Path) -> dict:
    program = Path(__file__).with_name("peers.py")
    arguments = [sys.executable, program, name, folder, str(TTL), str(ROUNDS), out]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def same(ours: Path, theirs: Path) -> None:
    mine = pl.read_parquet(ours)
    mine = mine.rename({name: name.removeprefix("view__") for name in mine.columns})
    other = pl.read_parquet(theirs).sort("row")
    assert mine["row"].is_sorted() and mine.select(other.columns).equals(other), theirs


def leaked(folder: Path, scratch: Path) -> float:
    """Share of the rows to which an ASOF join by the moment alone gives what was not known then."""
    peer("DuckDB ASOF", folder, scratch / "leaky.parquet")
    peer("DuckDB ASOF known", folder, scratch / "known.parquet")
    leaky, known = (pl.read_parquet(scratch / name).sort("row") for name in ("leaky.parquet", "known.parquet"))
    features = [name for name in known.columns if name != "row"]
    differs = pl.any_horizontal(leaky[name].ne_missing(known[name]) for name in features)
    return float(leaky.select(differs.mean()).item())


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:]]
    spine, rows, customers, files = numbers + [1_000_000, 5_000_000, 100_000, 4][len(numbers):]
    build_examples()
    has_feast = importlib.util.find_spec("feast") is not None
    for kind, names in PEERS.items():
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            folder, out = scratch / "made", scratch / "out"
            out.mkdir()
            example("point_in_time", "make", folder, spine, rows, files, customers, *(["late"] if kind == "late" else []))
            runs = {}
            for number, name in enumerate(["shopflow", *(name for name in names if has_feast or "Feast" not in name)]):
                if name == "shopflow":
                    runs[name] = example("point_in_time", "run", folder, f"ttl={TTL}", f"rounds={ROUNDS}",
                                         f"out={out / '0.parquet'}")
                else:
                    runs[name] = peer(name, folder, out / f"{number}.parquet")
                    same(out / "0.parquet", out / f"{number}.parquet")
            ours = runs.pop("shopflow")
            report(f"{kind}: {rows:,} rows of a view beside {spine:,} rows of {customers:,} customers, "
                   f"{ours['present']:,} with values, the same from all", ours["seconds"],
                   {name: run["seconds"] for name, run in runs.items()}, spine / 1e6, "M rows/s")
            memory = {"shopflow": ours, **runs}
            print("  peak memory, MB: " + ", ".join(f"{name} {run['peak_mb']:.0f}" for name, run in memory.items()))
            if kind == "late":
                print(f"  an ASOF join by the moment alone gives other values to {leaked(folder, out):.1%} of the rows")


if __name__ == "__main__":
    main()
