"""What a team would assemble instead of ShopFlow: DuckDB, Postgres and S3, and a script that connects them.

    python assembled.py <bucket> <schema> <file>...

DuckDB reads the files, applies the rules, and makes silver, the star and gold; Parquet goes to S3 with
boto3; a staged upsert fills the core tables, and the gold tables are copied into Postgres. Each run
takes all files there are and makes everything anew, as such a script does at night. It keeps no
history of late changes, masks nothing, and writes no lineage, profiles or pages.

Reads DATABASE_URL and the usual AWS variables; drops and makes the schema. Prints one JSON line: the
seconds of each stage, counts, and what the checks found.
"""

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import duckdb
import psycopg2

THREADS = 2
UPLOADS = 8

# Rows that keep every rule, the first of each id.
CUSTOMERS = r"""
SELECT TRY_CAST(id AS bigint) AS id, name, email, TRY_CAST(registration_date AS date) AS registration_date, country
FROM {source}
WHERE TRY_CAST(id AS bigint) > 0
  AND regexp_matches(email, '^[^@\s]+@[^@\s]+\.[^@\s]+$')
  AND TRY_CAST(registration_date AS date) IS NOT NULL
  AND length(country) = 2
QUALIFY row_number() OVER (PARTITION BY id) = 1"""

PRODUCTS = """
SELECT TRY_CAST(id AS bigint) AS id, name, category, TRY_CAST(price AS decimal(10, 2)) AS price, supplier
FROM {source}
WHERE TRY_CAST(id AS bigint) > 0 AND TRY_CAST(price AS decimal(10, 2)) > 0
QUALIFY row_number() OVER (PARTITION BY id) = 1"""

TRANSACTIONS = """
SELECT TRY_CAST(id AS bigint) AS id, TRY_CAST(customer_id AS bigint) AS customer_id,
       TRY_CAST(product_id AS bigint) AS product_id, TRY_CAST(quantity AS integer) AS quantity,
       TRY_CAST("timestamp" AS timestamptz) AS sold_at, payment_method
FROM {source}
WHERE TRY_CAST(id AS bigint) > 0
  AND TRY_CAST(quantity AS integer) > 0
  AND TRY_CAST("timestamp" AS timestamptz) IS NOT NULL
  AND payment_method IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY id) = 1"""

SALES = """
SELECT t.*, CAST(sold_at AS date) AS day, price, quantity * price AS amount
FROM transactions AS t JOIN products AS p ON p.id = t.product_id"""

PERIOD = """
SELECT date_trunc('{unit}', day) AS period, count(*) AS transactions, sum(quantity) AS units,
       sum(amount) AS revenue, count(DISTINCT customer_id) AS customers
FROM sales GROUP BY ALL"""

GOLD = {
    "daily": PERIOD.format(unit="day"),
    "weekly": PERIOD.format(unit="week"),
    "monthly": PERIOD.format(unit="month"),
    "product": """
        SELECT product_id, count(*) AS transactions, sum(quantity) AS units, sum(amount) AS revenue
        FROM sales GROUP BY ALL""",
    "lifetime": """
        SELECT customer_id, min(day) AS first_purchase, max(day) AS last_purchase, count(*) AS transactions,
               sum(amount) AS revenue
        FROM sales GROUP BY ALL""",
    "cohort": """
        WITH cohorts AS (SELECT customer_id, date_trunc('month', min(day)) AS cohort FROM sales GROUP BY ALL)
        SELECT cohort, date_diff('month', cohort, date_trunc('month', day)) AS months,
               count(DISTINCT customer_id) AS customers, sum(amount) AS revenue
        FROM sales JOIN cohorts USING (customer_id) GROUP BY ALL""",
    "sessions": """
        SELECT session_id, min("timestamp") AS started_at, max("timestamp") AS ended_at, count(*) AS events,
               count(*) FILTER (event_type = 'purchase') AS purchases,
               bool_or(event_type = 'add_to_cart') AS has_cart, any_value(country) AS country,
               any_value(device) AS device, max(customer_id) AS customer_id
        FROM clicks GROUP BY ALL""",
    "pairs": """
        WITH items AS (SELECT DISTINCT customer_id, day, product_id FROM sales),
        pairs AS (
            SELECT a.product_id, b.product_id AS other_product_id, count(*) AS baskets
            FROM items AS a JOIN items AS b
              ON b.customer_id = a.customer_id AND b.day = a.day AND b.product_id > a.product_id
            GROUP BY ALL HAVING count(*) >= 2)
        SELECT * FROM pairs
        QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY baskets DESC, other_product_id) <= 10""",
    "sales": "SELECT id, day, customer_id, product_id, quantity, price, amount, payment_method, sold_at FROM sales",
}

CORE = """
CREATE TABLE customers (id bigint PRIMARY KEY, name text, email text, registration_date date, country text);
CREATE TABLE products (id bigint PRIMARY KEY, name text, category text, price numeric(10, 2), supplier text);
CREATE TABLE transactions (id bigint PRIMARY KEY, customer_id bigint, product_id bigint, quantity integer,
                           sold_at timestamptz, payment_method text);
CREATE INDEX ON transactions (customer_id);
CREATE INDEX ON transactions (sold_at)"""

INDEXES = """
CREATE INDEX ON gold_sales (day);
CREATE INDEX ON gold_sales (customer_id);
CREATE INDEX ON gold_sessions (started_at)"""

TYPES = {"BIGINT": "bigint", "INTEGER": "integer", "HUGEINT": "numeric", "DATE": "date", "TIMESTAMP": "timestamp",
         "BOOLEAN": "boolean", "DOUBLE": "double precision", "TIMESTAMP WITH TIME ZONE": "timestamptz"}

CHECKS = {
    "customers without email": "SELECT count(*) FROM customers WHERE email IS NULL",
    "transactions with the same id": "SELECT count(*) - count(DISTINCT id) FROM transactions",
    "transactions of unknown customers":
        "SELECT count(*) FROM transactions WHERE customer_id NOT IN (SELECT id FROM customers)",
    "sales without amount": "SELECT count(*) FROM sales WHERE amount <= 0",
    "revenue of days and months":
        "SELECT abs((SELECT sum(revenue) FROM gold_daily) - (SELECT sum(revenue) FROM gold_monthly))",
    "sales of customers and all":
        "SELECT abs((SELECT sum(transactions) FROM gold_lifetime) - (SELECT count(*) FROM sales))",
}


class Assembled:
    def __init__(self, bucket: str, schema: str, files: list[Path], folder: Path):
        self.bucket, self.schema, self.files, self.folder = bucket, schema, files, folder
        self.duck = duckdb.connect(config={"threads": THREADS})
        self.duck.execute("SET TimeZone = 'UTC'")
        self.postgres = psycopg2.connect(os.environ["DATABASE_URL"])
        self.sql = self.postgres.cursor()
        self.s3 = boto3.client("s3")

    def rules(self) -> None:
        for table, query in (("customers", CUSTOMERS), ("products", PRODUCTS), ("transactions", TRANSACTIONS)):
            source = f"read_csv({self.paths(table)}, all_varchar = true)"
            self.duck.execute(f"CREATE TABLE {table} AS {query.format(source=source)}")
        clicks = f"read_json({self.paths('clickstream')}, format = 'newline_delimited')"
        self.duck.execute(f"CREATE TABLE clicks AS SELECT * FROM {clicks}")

    def paths(self, dataset: str) -> list[str]:
        return [str(path) for path in self.files if path.name.startswith(dataset)]

    def silver(self) -> None:
        self.duck.execute(f"CREATE TABLE sales AS {SALES}")
        folder = self.folder / "silver"
        folder.mkdir()
        for table, moment in (("sales", "day"), ("clicks", 'CAST("timestamp" AS timestamptz)')):
            self.duck.execute(f"COPY (SELECT *, strftime({moment}, '%Y-%m') AS month FROM {table}) "
                              f"TO '{folder / table}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month))")
        for table in ("customers", "products"):
            self.duck.execute(f"COPY {table} TO '{folder / table}.parquet' (FORMAT parquet)")
        self.upload(folder)

    def upload(self, folder: Path) -> None:
        def one(path: Path) -> None:
            self.s3.upload_file(str(path), self.bucket, str(path.relative_to(self.folder)))

        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(one, folder.rglob("*.parquet")))

    def load(self) -> None:
        self.sql.execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE; CREATE SCHEMA {self.schema}; "
                         f"SET search_path = {self.schema}")
        self.sql.execute(CORE)
        for table in ("customers", "products", "transactions"):
            columns = [row[0] for row in self.duck.execute(f"DESCRIBE {table}").fetchall()]
            self.sql.execute(f"CREATE TEMP TABLE staged_{table} (LIKE {table})")
            self.copy(table, f"staged_{table}")
            changed = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
            old, new = (", ".join(f"{side}.{name}" for name in columns[1:]) for side in (table, "excluded"))
            self.sql.execute(f"INSERT INTO {table} SELECT * FROM staged_{table} ON CONFLICT (id) DO UPDATE "
                             f"SET {changed} WHERE ({old}) IS DISTINCT FROM ({new})")
        self.postgres.commit()

    def copy(self, table: str, target: str) -> None:
        path = self.folder / f"{target}.csv"
        self.duck.execute(f"COPY {table} TO '{path}' (HEADER)")
        with path.open() as file:
            self.sql.copy_expert(f"COPY {target} FROM STDIN (FORMAT csv, HEADER)", file)

    def gold(self) -> None:
        folder = self.folder / "gold"
        folder.mkdir()
        for name, query in GOLD.items():
            self.duck.execute(f"CREATE TABLE gold_{name} AS {query}")
            self.duck.execute(f"COPY gold_{name} TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        self.upload(folder)

    def publish(self) -> None:
        for name in GOLD:
            columns = [(row[0], row[1]) for row in self.duck.execute(f"DESCRIBE gold_{name}").fetchall()]
            listed = ", ".join(f"{column} {postgres_type(kind)}" for column, kind in columns)
            self.sql.execute(f"CREATE TABLE gold_{name} ({listed})")
            self.copy(f"gold_{name}", f"gold_{name}")
        self.sql.execute(INDEXES)
        self.postgres.commit()

    def checks(self) -> dict[str, str]:
        found = {name: str(self.duck.execute(query).fetchone()[0]) for name, query in CHECKS.items()}
        for table in ("sales", "customers"):
            self.duck.execute(f"SUMMARIZE {table}").fetchall()
        return found


def postgres_type(kind: str) -> str:
    return "numeric" if kind.startswith("DECIMAL") else TYPES.get(kind, "text")


def main() -> None:
    bucket, schema, *files = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        stack = Assembled(bucket, schema, [Path(file) for file in files], Path(folder))
        seconds, found = {}, {}
        for stage in (stack.rules, stack.silver, stack.load, stack.gold, stack.publish, stack.checks):
            started = time.perf_counter()
            found = stage()
            seconds[stage.__name__] = time.perf_counter() - started
        rows = {table: stack.duck.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("customers", "products", "transactions", "clicks", "sales")}
    print(json.dumps({"seconds": seconds, "rows": rows, "checks": found}))


if __name__ == "__main__":
    main()
