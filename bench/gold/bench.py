"""Gold tables over sales of two years: revenue per day and lifetime value, from Parquet files.

ShopFlow, DuckDB and Polars read the same files, one per month, as transform writes them. Each side
counts different customers per day exactly and sums money as decimals.
"""

import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from common import best, build_examples, example, report

ROUNDS = 3

DUCKDB = {
    "daily_sales": """
        SELECT business_date, count(*) AS transactions, count(DISTINCT customer_id) AS customers,
               sum(quantity) AS units, coalesce(sum(amount), 0)::decimal(18, 2) AS revenue,
               count(*) - count(amount) AS unpriced
        FROM read_parquet('{files}') GROUP BY 1 ORDER BY 1""",
    "customer_lifetime_value": """
        WITH purchases AS (
            SELECT customer_id, min(business_date) AS first, max(business_date) AS last,
                   count(*) AS transactions, coalesce(sum(amount), 0)::decimal(18, 2) AS revenue
            FROM read_parquet('{files}') GROUP BY 1
        ), shop AS (SELECT max(last) AS latest FROM purchases)
        SELECT *, (revenue / transactions)::decimal(18, 2) AS average,
               (revenue * 365 / greatest(latest - first + 1, 30))::decimal(18, 2) AS projected
        FROM purchases, shop ORDER BY customer_id""",
}


def with_duckdb(table: str, files: str) -> tuple:
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    rows = connection.execute(DUCKDB[table].format(files=files)).to_arrow_table()
    cents = sum(int(value.as_py() * 100) for value in rows["revenue"])
    return rows.num_rows, sum(rows["transactions"].to_pylist()), cents


def duckdb_only(table: str, files: str) -> None:
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute(DUCKDB[table].format(files=files)).to_arrow_table()


def polars_query(table: str, files: str) -> pl.DataFrame:
    sales = pl.scan_parquet(files)
    if table == "daily_sales":
        plan = sales.group_by("business_date").agg(
            transactions=pl.len(), customers=pl.col("customer_id").n_unique(), units=pl.col("quantity").sum(),
            revenue=pl.col("amount").sum(), unpriced=pl.col("amount").null_count()).sort("business_date")
    else:
        money = pl.Decimal(18, 2)
        purchases = sales.group_by("customer_id").agg(
            first=pl.col("business_date").min(), last=pl.col("business_date").max(), transactions=pl.len(),
            revenue=pl.col("amount").sum())
        days = (pl.col("last").max() - pl.col("first")).dt.total_days() + 1
        plan = purchases.with_columns(
            average=(pl.col("revenue") / pl.col("transactions")).cast(money),
            projected=(pl.col("revenue") * 365 / days.clip(30)).cast(money)).sort("customer_id")
    return plan.collect(engine="streaming")


def with_polars(table: str, files: str) -> tuple:
    rows = polars_query(table, files)
    cents = int(rows["revenue"].sum() * 100)
    return rows.height, int(rows["transactions"].sum()), cents


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    build_examples()
    with tempfile.TemporaryDirectory() as folder:
        example("gold_tables", "make", rows, folder)
        files = str(Path(folder) / "*.parquet")
        for table in DUCKDB:
            ours = example("gold_tables", "run", folder, table)
            answer = (ours["rows"], ours["sales"], ours["cents"])
            assert answer == with_duckdb(table, files) == with_polars(table, files), (table, answer)
            peers = {
                "DuckDB " + duckdb.__version__: best(ROUNDS, lambda: duckdb_only(table, files)),
                "Polars " + pl.__version__: best(ROUNDS, lambda: polars_query(table, files)),
            }
            report(f"{table} of {rows:,} sales", ours["seconds"], peers, rows, "rows/s")


main()
