"""Profile of every column of sales in Parquet files: counts, extremes, moments, distinct values and quantiles.

DuckDB answers with SUMMARIZE (approximate distinct values and quartiles), Polars with describe()
and the approximate number of distinct values. ShopFlow adds histograms and the most frequent values.
"""

import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from common import best, build_examples, example, report

ROUNDS = 3
# Estimates: ShopFlow's distinct values have a standard error of 0.81 %, its quantiles are at most
# 0.5 % off, and DuckDB estimates both with larger errors.
DISTINCT, QUANTILE = 0.12, 0.03


def with_duckdb(files: str) -> dict[str, dict]:
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute("SET TimeZone = 'UTC'")
    rows = connection.execute(f"SUMMARIZE SELECT * FROM read_parquet('{files}')").fetchall()
    names = [column[0] for column in connection.description]
    return {row[0]: dict(zip(names, row)) for row in rows}


def with_polars(files: str):
    sales = pl.scan_parquet(files).collect()
    return sales.describe(), sales.select(pl.all().approx_n_unique())


def close(ours, theirs, share: float) -> bool:
    return abs(float(ours) - float(theirs)) <= share * max(abs(float(theirs)), 1.0)


def check(ours: dict, theirs: dict[str, dict]) -> int:
    """Compares what both sides say; how many figures those were."""
    figures = 0
    for column in ours["columns"]:
        other = theirs[column["name"]]
        assert column["nulls"] == round(float(other["null_percentage"]) / 100 * ours["rows"]), column
        assert close(column["distinct"], other["approx_unique"], DISTINCT), (column["name"], column["distinct"], other)
        figures += 2
        if column["mean"] is None:
            continue
        assert Decimal(str(column["min"])) == Decimal(other["min"]), (column["name"], other)
        assert Decimal(str(column["max"])) == Decimal(other["max"]), (column["name"], other)
        assert close(column["mean"], other["avg"], 1e-9), (column["name"], other)
        assert close(column["stdev"], other["std"], 1e-9), (column["name"], other)
        quantiles = {q: value for q, value in column["quantiles"]}
        for q, name in [(0.25, "q25"), (0.5, "q50"), (0.75, "q75")]:
            assert close(quantiles[q], other[name], QUANTILE), (column["name"], name, quantiles[q], other[name])
        figures += 7
    return figures


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    build_examples()
    with tempfile.TemporaryDirectory() as folder:
        example("gold_tables", "make", rows, folder)
        files = str(Path(folder) / "*.parquet")
        figures = check(example("profile_parquet", folder, 2), with_duckdb(files))
        print(f"{figures} figures alike, DuckDB's estimates within {DISTINCT:.0%} and {QUANTILE:.0%}")
        peers = {
            "DuckDB " + duckdb.__version__: best(ROUNDS, lambda: with_duckdb(files)),
            "Polars " + pl.__version__: best(ROUNDS, lambda: with_polars(files)),
        }
        for threads in (1, 2):
            runs = [example("profile_parquet", folder, threads) for _ in range(ROUNDS)]
            seconds, peak = min(run["seconds"] for run in runs), max(run["peak_mb"] for run in runs)
            report(f"12 columns of {rows:,} sales, {threads} thread(s) of ShopFlow, {peak:.0f} MB", seconds, peers, rows, "rows/s")


main()
