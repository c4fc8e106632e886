"""The files both sides read: a generated shop, and new sales on top of it."""

from datetime import date
from pathlib import Path

import duckdb

from cloud import Cloud

SEED = 7
# Sales of the generated shop are of the year before; those of a day's increment are of this day.
RUN_DATE = date(2026, 1, 15)
DATASETS = ("customers", "products", "transactions", "clickstream")

# Each new sale takes customer, product, quantity and payment of some sale there is, so that both are as popular as before.
NEW_SALES = """
WITH existing AS (
    SELECT row_number() OVER () - 1 AS number, * FROM read_csv({existing}, all_varchar = true)
), total AS (
    SELECT count(*) AS rows, max(CAST(id AS bigint)) AS last FROM existing
), sales AS (
    SELECT range AS number, hash(range, {seed}) % total.rows AS model, total.last + 1 + range AS id,
           TIMESTAMP '{start}' + to_seconds(CAST(hash({seed}, range) % ({days} * 86400) AS bigint)) AS moment
    FROM range({rows}), total
)
SELECT s.id, customer_id, product_id, quantity, strftime(moment, '%Y-%m-%dT%H:%M:%SZ') AS "timestamp", payment_method
FROM sales AS s JOIN existing AS e ON e.number = s.model
ORDER BY s.id"""


def shop(cloud: Cloud, scale: float, folder: Path) -> list[Path]:
    """The files of a shop of `scale`, without defects: both sides keep the same rows."""
    cloud.shopflow("generate", "--scale", scale, "--seed", SEED, "--run-date", RUN_DATE, "--out", folder)
    return [next(folder.glob(f"{dataset}.*")) for dataset in DATASETS]


def new_sales(files: list[Path], rows: int, start: date, days: int, target: Path) -> Path:
    """Writes `rows` sales over `days` days from `start`, numbered after those in the files."""
    existing = [str(path) for path in files if path.name.startswith("transactions")]
    query = NEW_SALES.format(existing=existing, seed=SEED, start=start, days=days, rows=rows)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{target}' (HEADER)")
    return target


def count_sales(files: list[Path]) -> int:
    existing = [str(path) for path in files if path.name.startswith("transactions")]
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT count(*) FROM read_csv({existing}, all_varchar = true)").fetchone()[0]
