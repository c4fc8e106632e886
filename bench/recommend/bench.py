"""Product pairs of five million sales: ShopFlow, DuckDB and Polars, side by side.

Each reads the same Parquet file, builds baskets (one customer's products of one day), counts the
pairs that share at least ten baskets, adds support, confidence and lift, and writes the result as
Parquet. Fails when the answers differ.

Arguments: rows (5,000,000).
"""

import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from common import build_examples, example, report

MINIMUM = 10
MEMORY_MIB = 256
PRODUCTS = 20_000
REPEATS = 3


def simulate(rows, path, seed=7):
    """Baskets of about five products out of twenty thousand, a few of which are popular."""
    random = np.random.default_rng(seed)
    baskets = max(rows // 5, 1)
    lines = np.minimum(1 + random.poisson(4, baskets), 60)
    basket = np.repeat(np.arange(baskets), lines)[:rows]
    customer = random.integers(1, baskets // 3 + 2, baskets)[basket]
    day = np.sort(random.integers(19_723, 20_088, baskets))[basket]
    weight = 1 / np.arange(1, PRODUCTS + 1) ** 0.8
    product = random.choice(PRODUCTS, basket.size, p=weight / weight.sum()) + 1
    frame = pl.DataFrame({
        "transaction_id": np.arange(1, basket.size + 1),
        "event_date": pl.Series(day.astype(np.int32)).cast(pl.Date),
        "business_date": pl.Series(day.astype(np.int32)).cast(pl.Date),
        "customer_id": customer,
        "product_id": product,
        "quantity": np.ones(basket.size, dtype=np.int32),
    })
    # A shop that says nothing about its lines.
    sales = frame.to_arrow()
    for name in ["order_id", "status"]:
        sales = sales.append_column(name, pa.nulls(frame.height, pa.string()))
    pq.write_table(sales, path, compression="zstd")
    return frame.height


def run_shopflow(sales, out):
    return example("recommend", sales, out, MINIMUM, MEMORY_MIB)["total"]


def run_duckdb(sales, out):
    start = time.perf_counter()
    duckdb.connect().execute(f"""
        COPY (
            WITH lines AS (
                SELECT DISTINCT customer_id, business_date, product_id FROM '{sales}'
            ), baskets AS (
                SELECT count(*) AS n FROM (SELECT DISTINCT customer_id, business_date FROM lines)
            ), products AS (
                SELECT product_id, count(*) AS n FROM lines GROUP BY product_id
            ), pairs AS (
                SELECT a.product_id, b.product_id AS other_product_id, count(*) AS baskets
                FROM lines AS a JOIN lines AS b USING (customer_id, business_date)
                WHERE a.product_id < b.product_id
                GROUP BY ALL HAVING count(*) >= {MINIMUM}
            )
            SELECT p.*, a.n AS product_baskets, b.n AS other_baskets, p.baskets / t.n AS support,
                   p.baskets / a.n AS confidence, p.baskets / b.n AS other_confidence,
                   p.baskets * t.n / (a.n * b.n) AS lift
            FROM pairs AS p
            JOIN products AS a ON a.product_id = p.product_id
            JOIN products AS b ON b.product_id = p.other_product_id
            CROSS JOIN baskets AS t
            ORDER BY ALL
        ) TO '{out}' (FORMAT parquet)
    """)
    return time.perf_counter() - start


def run_polars(sales, out):
    start = time.perf_counter()
    columns = ["customer_id", "business_date", "product_id"]
    lines = pl.scan_parquet(sales).select(columns).unique().collect()
    baskets = lines.select("customer_id", "business_date").n_unique()
    products = lines.group_by("product_id").len("n")
    lazy = lines.lazy()
    pairs = (
        lazy.join(lazy, on=columns[:2], suffix="_other")
        .filter(pl.col("product_id") < pl.col("product_id_other"))
        .group_by("product_id", pl.col("product_id_other").alias("other_product_id"))
        .len("baskets")
        .filter(pl.col("baskets") >= MINIMUM)
        .collect(engine="streaming")
    )
    n = pl.col("baskets")
    (
        pairs.join(products.rename({"n": "product_baskets"}), on="product_id")
        .join(
            products.rename({"n": "other_baskets", "product_id": "other_product_id"}),
            on="other_product_id",
        )
        .with_columns(
            support=n / baskets,
            confidence=n / pl.col("product_baskets"),
            other_confidence=n / pl.col("other_baskets"),
            lift=n.cast(float) * baskets / (pl.col("product_baskets").cast(float) * pl.col("other_baskets")),
        )
        .sort("product_id", "other_product_id")
        .write_parquet(out)
    )
    return time.perf_counter() - start


def same(out, other):
    keys = ["product_id", "other_product_id", "baskets", "product_baskets", "other_baskets"]
    mine, theirs = pl.read_parquet(out), pl.read_parquet(other).sort(*keys[:2])
    assert mine.height == theirs.height, (mine.height, theirs.height)
    assert mine.select(pl.col(keys).cast(pl.Int64)).equals(
        theirs.select(pl.col(keys).cast(pl.Int64))
    ), "counts differ"
    for name in ["support", "confidence", "other_confidence", "lift"]:
        gap = (mine[name].cast(float) - theirs[name].cast(float)).abs().max()
        assert gap < 1e-8, (name, gap)
    return mine.height


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    build_examples()
    sides = {"shopflow": run_shopflow, "DuckDB": run_duckdb, "Polars": run_polars}
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        sales = Path(folder) / "sales.parquet"
        count = simulate(rows, sales)
        for _ in range(REPEATS):
            for name, run in sides.items():
                took = run(sales, Path(folder) / f"{name}.parquet")
                times[name] = min(took, times.get(name, took))
        outs = {name: Path(folder) / f"{name}.parquet" for name in sides}
        pairs = same(outs["shopflow"], outs["DuckDB"])
        same(outs["shopflow"], outs["Polars"])
    ours = times.pop("shopflow")
    title = f"{pairs:,} pairs of {count:,} sales, the same from all (goal: 1x)"
    report(title, ours, times, count / 1e6, "M sales/s")


if __name__ == "__main__":
    main()
