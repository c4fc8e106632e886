"""Every rule of transactions over one CSV file, good and bad rows written to disk.

ShopFlow's engine on one thread; DuckDB and Polars on all cores, each as its documentation would
have one write it. All three must split the rows alike.
"""

import random
import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl

from common import best, build_examples, example, report

METHODS = ["credit_card", "debit_card", "paypal", "bank_transfer", "gift_card"]
HEADER = "id,customer_id,product_id,quantity,timestamp,payment_method\n"


def make(path: Path, rows: int) -> None:
    """Rows in id order; one in a hundred breaks a rule, each kind in turn."""
    rng = random.Random(42)
    with path.open("w") as file:
        file.write(HEADER)
        for row in range(1, rows + 1):
            fields = [str(row), str(rng.randint(1, 1_000_000)), str(rng.randint(1, 50_000)),
                      str(rng.randint(1, 9)),
                      f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:30:15Z",
                      METHODS[row % len(METHODS)]]
            if row % 100 == 0:
                kind = row // 100 % 6
                # The id of an earlier row, which is sound.
                fields[[3, 1, 2, 4, 5, 0][kind]] = ["0", "0", "x", "2025-02-30T00:00:00Z", "barter", str(row - 1)][kind]
            file.write(",".join(fields) + "\n")


# True for a sound row, in SQL. A repeated id is bad from its second row on. A guest has no customer,
# and what comes back has a negative quantity.
SOUND = """
    coalesce(regexp_full_match(id, '[1-9][0-9]{{0,18}}'), false)
    AND coalesce(regexp_full_match(customer_id, '[1-9][0-9]{{0,18}}'), true)
    AND coalesce(regexp_full_match(product_id, '[1-9][0-9]{{0,18}}'), false)
    AND coalesce(try_cast(quantity AS integer) <> 0, false)
    AND coalesce(try_cast(timestamp AS timestamptz) IS NOT NULL, false)
    AND coalesce(payment_method IN ({methods}), false)
    AND row_number() OVER (PARTITION BY id ORDER BY line) = 1
""".format(methods=", ".join(f"'{method}'" for method in METHODS))


def with_duckdb(source: Path, folder: Path) -> tuple[int, int]:
    connection = duckdb.connect()
    connection.execute(f"""
        CREATE TEMP TABLE split AS
        SELECT *, {SOUND} AS sound FROM (
            SELECT *, row_number() OVER () AS line FROM read_csv('{source}', all_varchar = true))
    """)
    for name, condition in (("good", "sound"), ("bad", "NOT sound")):
        connection.execute(f"""COPY (SELECT * EXCLUDE (sound, line) FROM split WHERE {condition} ORDER BY line)
                               TO '{folder}/duckdb_{name}.csv' (HEADER)""")
    return connection.execute("SELECT count(*) FILTER (sound), count(*) FILTER (NOT sound) FROM split").fetchone()


def with_polars(source: Path, folder: Path) -> tuple[int, int]:
    number = r"^[1-9][0-9]{0,18}$"
    rows = pl.read_csv(source, infer_schema=False)
    column = pl.col
    sound = pl.all_horizontal(
        column("id").str.contains(number), column("customer_id").str.contains(number).fill_null(True),
        column("product_id").str.contains(number),
        column("quantity").cast(pl.Int32, strict=False) != 0,
        column("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False).is_not_null(),
        column("payment_method").is_in(METHODS), column("id").is_first_distinct(),
    ).fill_null(False)
    split = rows.with_columns(sound=sound)
    good = split.filter(column("sound")).drop("sound")
    bad = split.filter(~column("sound")).drop("sound")
    good.write_csv(folder / "polars_good.csv")
    bad.write_csv(folder / "polars_bad.csv")
    return len(good), len(bad)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    build_examples()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "transactions.csv"
        make(source, rows)
        ours = min((example("split_file", source, folder / "good.csv", folder / "bad.csv") for _ in range(3)),
                   key=lambda answer: answer["seconds"])
        expected = (ours["good"], ours["bad"])
        counts = {}
        seconds = {
            "DuckDB " + duckdb.__version__: best(2, lambda: counts.update(duckdb=with_duckdb(source, folder))),
            "Polars " + pl.__version__: best(2, lambda: counts.update(polars=with_polars(source, folder))),
        }
        for peer, count in counts.items():
            assert tuple(count) == expected, f"{peer} splits {count}, shopflow {expected}"
        print(f"{rows:,} rows, {source.stat().st_size / 1e6:.0f} MB: {expected[0]:,} good, {expected[1]:,} bad, alike on every side")
        report("validate and split, both outputs written", ours["seconds"], seconds, rows / 1e6, "M rows/s")


main()
