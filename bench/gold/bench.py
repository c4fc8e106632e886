"""Gold tables over sales of two years: by day, week, month, product and customer, from Parquet files.

ShopFlow, DuckDB and Polars read the same files, one per month, as transform writes them. Each side
counts different customers exactly and sums money as decimals.
"""

import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.compute as pc

from common import best, build_examples, example, report

ROUNDS = 5
PERIODS = {"daily_sales": "day", "weekly_sales": "week", "monthly_sales": "month"}
TABLES = [*PERIODS, "product_sales", "customer_lifetime_value"]
# Each side rounds quotients its own way.
ROUNDED = {"average_order_value", "projected_annual_value"}

MEASURES = """count(*) AS transactions, sum(quantity)::bigint AS units,
              coalesce(sum(amount), 0)::decimal(18, 2) AS revenue"""
SOLD = "quantity > 0 AND coalesce(status, '') <> 'cancelled'"
ORDERS = f"""count(DISTINCT order_id) FILTER ({SOLD})
              + count(*) FILTER ({SOLD} AND order_id IS NULL) AS orders"""
MONEY = {"revenue", "gross", "discounts", "returns", "tax", "shipping", "costed_revenue", "margin"}


def duckdb_question(table: str, files: str) -> str:
    sales = f"FROM read_parquet('{files}')"
    if table in PERIODS:
        return f"""
            SELECT *, gross - discounts - revenue AS returns FROM (
                SELECT date_trunc('{PERIODS[table]}', business_date)::date AS start, {MEASURES},
                       count(DISTINCT customer_id) AS customers,
                       count(*) - count(amount) AS unpriced_transactions, {ORDERS},
                       coalesce(sum(CASE WHEN {SOLD} AND status IN ('refunded', 'returned')
                                         THEN quantity * unit_price
                                         WHEN {SOLD} THEN amount + coalesce(discount, 0) END), 0)
                           ::decimal(18, 2) AS gross,
                       coalesce(sum(CASE WHEN {SOLD} AND unit_price IS NOT NULL THEN discount END), 0)
                           ::decimal(18, 2) AS discounts,
                       coalesce(sum(tax), 0)::decimal(18, 2) AS tax,
                       coalesce(sum(shipping), 0)::decimal(18, 2) AS shipping,
                       coalesce(sum(amount) FILTER (cost IS NOT NULL), 0)::decimal(18, 2)
                           AS costed_revenue,
                       coalesce(sum(amount - cost), 0)::decimal(18, 2) AS margin
                {sales} GROUP BY 1) ORDER BY 1"""
    if table == "product_sales":
        return f"SELECT product_id, {MEASURES} {sales} GROUP BY 1 ORDER BY 1"
    return f"""
        WITH purchases AS (
            SELECT customer_id, min(business_date) AS first, max(business_date) AS last,
                   count(*) AS transactions, coalesce(sum(amount), 0)::decimal(18, 2) AS revenue,
                   {ORDERS}
            {sales} GROUP BY 1
        ), shop AS (SELECT max(last) AS latest FROM purchases)
        SELECT *, (revenue / greatest(orders, 1))::decimal(18, 2) AS average_order_value,
               (revenue * 365 / greatest(latest - first + 1, 30))::decimal(18, 2)
                   AS projected_annual_value
        FROM purchases, shop ORDER BY customer_id"""


def with_duckdb(table: str, files: str):
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    return connection.execute(duckdb_question(table, files)).to_arrow_table()


def with_polars(table: str, files: str) -> pl.DataFrame:
    sales = pl.scan_parquet(files)
    transactions, revenue = pl.len().alias("transactions"), pl.col("amount").sum().alias("revenue")
    units = pl.col("quantity").sum().alias("units")
    sold = (pl.col("quantity") > 0) & (pl.col("status").fill_null("") != "cancelled")
    orders = (pl.col("order_id").filter(sold).drop_nulls().n_unique()
              + (sold & pl.col("order_id").is_null()).sum()).alias("orders")
    if table in PERIODS:
        period = {"day": "1d", "week": "1w", "month": "1mo"}[PERIODS[table]]
        # A day needs no rounding.
        start = pl.col("business_date") if period == "1d" else pl.col("business_date").dt.truncate(period)
        gave_back = sold & pl.col("status").is_in(["refunded", "returned"])
        gross = (pl.when(gave_back).then(pl.col("quantity") * pl.col("unit_price"))
                 .when(sold).then(pl.col("amount") + pl.col("discount").fill_null(0))).sum()
        discounts = pl.when(sold & pl.col("unit_price").is_not_null()).then(pl.col("discount")).sum()
        plan = sales.group_by(start.alias("start")).agg(
            transactions, units, revenue, orders, gross=gross, discounts=discounts,
            customers=pl.col("customer_id").n_unique(),
            unpriced_transactions=pl.col("amount").null_count(),
            tax=pl.col("tax").sum(), shipping=pl.col("shipping").sum(),
            costed_revenue=pl.col("amount").filter(pl.col("cost").is_not_null()).sum(),
            margin=(pl.col("amount") - pl.col("cost")).sum(),
        ).with_columns(returns=pl.col("gross") - pl.col("discounts") - pl.col("revenue")).sort("start")
    elif table == "product_sales":
        plan = sales.group_by("product_id").agg(transactions, units, revenue).sort("product_id")
    else:
        money = pl.Decimal(18, 2)
        purchases = sales.group_by("customer_id").agg(
            transactions, revenue, orders, first=pl.col("business_date").min(),
            last=pl.col("business_date").max())
        days = (pl.col("last").max() - pl.col("first")).dt.total_days() + 1
        plan = purchases.with_columns(
            average_order_value=(pl.col("revenue") / pl.col("orders").clip(1)).cast(money),
            projected_annual_value=(pl.col("revenue") * 365 / days.clip(30)).cast(money)).sort("customer_id")
    return plan.collect(engine="streaming")


def agrees(ours: dict, rows) -> bool:
    """Whether the sums of a peer's columns are ours."""
    columns = set(ours["sums"]) - ROUNDED

    def total(name: str) -> int:
        value = pc.sum(rows[name]).as_py()
        return int(value * 100) if name in MONEY else value

    return rows.num_rows == ours["rows"] and all(total(name) == ours["sums"][name] for name in columns)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    tables = sys.argv[2:] or TABLES
    build_examples()
    with tempfile.TemporaryDirectory() as folder:
        example("gold_tables", "make", rows, folder)
        files = str(Path(folder) / "*.parquet")
        for table in tables:
            ours = example("gold_tables", "run", folder, table)
            assert agrees(ours, with_duckdb(table, files)), (table, "DuckDB", ours)
            assert agrees(ours, with_polars(table, files).to_arrow()), (table, "Polars", ours)
            peers = {
                "DuckDB " + duckdb.__version__: best(ROUNDS, lambda: with_duckdb(table, files)),
                "Polars " + pl.__version__: best(ROUNDS, lambda: with_polars(table, files)),
            }
            report(f"{table} of {rows:,} sales", ours["seconds"], peers, rows, "rows/s")


main()
