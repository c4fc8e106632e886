"""100,000 changed rows into a dimension of a million, with history: ShopFlow, plain SQL, dbt.

All three work on one Postgres, in a database of their own that is dropped at the end. ShopFlow runs
the statements that transform runs (sql/warehouse/, and those of the dimensions), in the same order,
for the marks that load leaves: which customers changed, and since when. Plain SQL is the textbook pair of UPDATE
and INSERT into a table with the same columns and keys and the usual index on current rows, which
ShopFlow does without; dbt takes one snapshot with the timestamp strategy, which trusts a column that
says when a row changed, and one with the check strategy, which compares the values. All must end with
the same versions.

ShopFlow alone is right when a change arrives late: the last step sends one that is effective before
the others and shows what each side makes of it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

import psycopg2

from cloud import DATABASE_URL, servers
from common import REPOSITORY, build_examples, example, report

DATABASE = f"bench_scd2_{os.getpid()}"
WAREHOUSE = REPOSITORY / "sql" / "warehouse"
STEPS = ["pending", "customer_changes", "product_changes", "payment_methods", "outdated_facts",
         "pending_rates", "dimensions", "rekeyed_facts", "rekeyed_sessions"]

HISTORY = """
INSERT INTO core.customer_history (id, effective_at, name, email, registration_date, country, row_hash,
                                   source_modified_at, source_version_id, source_run_id)
SELECT id, %(at)s, 'Name ' || id, 'customer' || id || '@' || 'example.' || id %% 7, date '2020-01-01' + (id %% 1000)::int,
       CASE WHEN (id / 10) %% 2 = 0 THEN %(even)s ELSE %(odd)s END, sha256(''), %(at)s, 'v', 'r'
FROM generate_series(%(step)s, %(rows)s, %(step)s) AS id;
INSERT INTO ops.dirty_entities (dataset, id, since)
SELECT 'customers', id, %(since)s FROM generate_series(%(step)s, %(rows)s, %(step)s) AS id
ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp(),
    since = least(dirty_entities.since, excluded.since);
"""

PLAIN = """
CREATE TABLE plain_dimension (LIKE warehouse.dim_customer INCLUDING ALL);
ALTER TABLE plain_dimension RESET (fillfactor);
CREATE UNIQUE INDEX ON plain_dimension (customer_id) WHERE is_current;
INSERT INTO plain_dimension OVERRIDING SYSTEM VALUE SELECT * FROM warehouse.dim_customer;
SELECT setval(pg_get_serial_sequence('plain_dimension', 'customer_key'), (SELECT max(customer_key) FROM plain_dimension));
"""

STAGED = """
DROP TABLE IF EXISTS staged;
CREATE TABLE staged AS
SELECT id AS customer_id, lower(split_part(email, '@', -1)) AS email_domain, registration_date, country,
       effective_at
FROM core.customer_history WHERE effective_at = %(at)s;
ANALYZE staged;
UPDATE dbt_source AS d SET updated_at = %(at)s::timestamptz, country = s.country
FROM staged AS s WHERE s.customer_id = d.customer_id
"""

# Three batches, each of which changes a tenth of the members; the best time of each side counts.
CHANGES = [("2026-01-01", "US", "JP"), ("2026-02-01", "JP", "DE"), ("2026-03-01", "FR", "US")]

PLAIN_SCD2 = """
BEGIN;
UPDATE plain_dimension AS d SET valid_to = s.effective_at, is_current = false
FROM staged AS s
WHERE d.customer_id = s.customer_id AND d.is_current
  AND (d.email_domain, d.country) IS DISTINCT FROM (s.email_domain, s.country);
INSERT INTO plain_dimension (customer_id, email_domain, registration_date, country, is_inferred, valid_from,
                             valid_to, is_current, row_hash)
SELECT s.customer_id, s.email_domain, s.registration_date, s.country, false, s.effective_at, 'infinity', true,
       sha256(convert_to(jsonb_build_array(s.email_domain, s.country)::text, 'UTF8'))
FROM staged AS s
WHERE NOT EXISTS (SELECT FROM plain_dimension AS d WHERE d.customer_id = s.customer_id AND d.is_current);
COMMIT;
"""

VERSIONS = """
SELECT count(*), count(*) FILTER (WHERE {current}), sum(hashtext(customer_id || country)::bigint)
FROM {table}"""


def server() -> SplitResult:
    return urlsplit(os.environ[DATABASE_URL])


def connect(name: str):
    # Temporary tables as in the sessions of the functions (shared/postgres).
    address = urlunsplit(server()._replace(path="/" + name))
    connection = psycopg2.connect(address, options="-c temp_buffers=64MB")
    connection.autocommit = True
    return connection


@cache
def dimension_sql() -> dict:
    """The statements that are made from the definitions of the dimensions, by step."""
    build_examples()
    return example("dimension_sql")


def shopflow(database) -> float:
    """One transaction, as transform does it; the marks are removed afterwards, untimed."""
    generated = dimension_sql()
    files = [generated.get(step) or (WAREHOUSE / f"{step}.sql").read_text() for step in STEPS]
    cursor = database.cursor()
    started = time.perf_counter()
    cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    for text in files:
        cursor.execute(text)
    cursor.execute("COMMIT")
    seconds = time.perf_counter() - started
    cursor.execute((WAREHOUSE / "close_marks.sql").read_text())
    cursor.execute("DROP TABLE pending_entities, pending_dates, pending_moves, pending_rates")
    return seconds


STRATEGIES = {"timestamp": "strategy='timestamp', updated_at='updated_at'",
              "check": "strategy='check', check_cols=['email_domain', 'country'], updated_at='updated_at'"}


def dbt(folder: Path, strategy: str) -> tuple[float, float]:
    """Seconds of the whole command, and of the snapshot alone."""
    started = time.perf_counter()
    subprocess.run([Path(sys.executable).parent / "dbt", "--quiet", "snapshot", "--profiles-dir", folder,
                    "--select", f"by_{strategy}"],
                   cwd=folder, check=True, env=dict(os.environ, DBT_SEND_ANONYMOUS_USAGE_STATS="false"))
    command = time.perf_counter() - started
    results = json.loads((folder / "target" / "run_results.json").read_text())
    return command, results["results"][0]["execution_time"]


def dbt_project(folder: Path) -> None:
    address = server()
    profile = {"type": "postgres", "host": address.hostname, "port": address.port or 5432, "threads": 1,
               "user": address.username, "password": address.password, "dbname": DATABASE, "schema": "dbt"}
    (folder / "snapshots").mkdir()
    (folder / "profiles.yml").write_text(json.dumps({"bench": {"target": "bench", "outputs": {"bench": profile}}}))
    (folder / "dbt_project.yml").write_text(json.dumps({"name": "bench", "version": "1.0.0", "profile": "bench"}))
    for strategy, arguments in STRATEGIES.items():
        (folder / "snapshots" / f"by_{strategy}.sql").write_text(
            f"{{% snapshot by_{strategy} %}}\n{{{{ config(target_schema='dbt', unique_key='customer_id', {arguments}) }}}}"
            "\nSELECT * FROM public.dbt_source\n{% endsnapshot %}\n")


def prepare(rows: int):
    with closing(connect(server().path.strip("/"))) as admin:
        admin.cursor().execute(f"CREATE DATABASE {DATABASE}")
    database = connect(DATABASE)
    cursor = database.cursor()
    for migration in sorted((REPOSITORY / "sql" / "ddl").glob("*.sql")):
        cursor.execute(migration.read_text())
    cursor.execute("""
        INSERT INTO core.customers (id, is_inferred, effective_at, source_modified_at, source_version_id, source_run_id)
        SELECT id, true, '2025-01-01', '2025-01-01', 'v', 'r' FROM generate_series(1, %s) AS id""", [rows])
    cursor.execute(HISTORY, {"at": "2025-01-01", "since": "-infinity", "even": "DE", "odd": "FR", "step": 1, "rows": rows})
    cursor.execute("ANALYZE")
    first = shopflow(database)
    print(f"{rows:,} members into the empty dimension: {first:.1f} s")
    return database


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with servers():
        compare(rows)


def compare(rows: int) -> None:
    changed = rows // 10
    database = prepare(rows)
    try:
        cursor = database.cursor()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            dbt_project(folder)
            cursor.execute("""CREATE TABLE dbt_source AS
                SELECT customer_id, email_domain, registration_date, country, timestamp '2025-01-01' AS updated_at
                FROM warehouse.dim_customer""")
            for strategy in STRATEGIES:
                dbt(folder, strategy)
            for statement in PLAIN.strip().split(";"):
                if statement.strip():
                    cursor.execute(statement)
            best = [float("inf")] * 6
            for moment, even, odd in CHANGES:
                cursor.execute(HISTORY, {"at": moment, "since": moment, "even": even, "odd": odd, "step": 10, "rows": rows})
                for statement in STAGED.strip().split(";"):
                    if statement.strip():
                        cursor.execute(statement, {"at": moment})
                for table in ("dbt_source", "dbt.by_timestamp", "dbt.by_check", "plain_dimension", "warehouse.dim_customer",
                              "core.customer_history"):
                    cursor.execute(f"VACUUM ANALYZE {table}")
                ours = shopflow(database)
                started = time.perf_counter()
                cursor.execute(PLAIN_SCD2)
                plain = time.perf_counter() - started
                command, snapshot = dbt(folder, "timestamp")
                check_command, check = dbt(folder, "check")
                times = (ours, plain, snapshot, command, check, check_command)
                print(f"  {moment}: shopflow {ours:.2f} s, plain SQL {plain:.2f} s, dbt {snapshot:.2f} s, "
                      f"by check {check:.2f} s")
                best = [min(pair) for pair in zip(best, times)]
            ours, plain, snapshot, command, check, check_command = best
        answers = []
        for table, current in (("warehouse.dim_customer", "is_current"), ("plain_dimension", "is_current"),
                               ("dbt.by_timestamp", "dbt_valid_to IS NULL"),
                               ("dbt.by_check", "dbt_valid_to IS NULL")):
            cursor.execute(VERSIONS.format(table=table, current=current))
            answers.append(cursor.fetchone())
        assert len(set(answers)) == 1 and answers[0][:2] == (rows + 3 * changed, rows), answers
        peers = {"plain SQL": plain, "dbt by timestamp": snapshot, "its command": command,
                 "dbt by check": check, "the command of that": check_command}
        report(f"{changed:,} changed of {rows:,} members", ours, peers, changed, "rows/s")

        # One member moved in the middle of 2025, which arrives last.
        cursor.execute(HISTORY, {"at": "2025-07-01", "since": "2025-07-01", "even": "JP", "odd": "US", "step": rows, "rows": rows})
        print(f"\na change of one member that arrives late: {shopflow(database) * 1000:.0f} ms")
        cursor.execute("""SELECT country, valid_from::date::text, valid_to::date::text FROM warehouse.dim_customer
                          WHERE customer_id = %s ORDER BY dim_customer.valid_from""", [rows])
        for version in cursor.fetchall():
            print("  shopflow:", *version)
    finally:
        database.close()
        with closing(connect(server().path.strip("/"))) as admin:
            admin.cursor().execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


main()
