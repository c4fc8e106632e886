"""The transactions suite over one CSV file: checks only, against Great Expectations with pandas.

Both read the same file and judge the same expectations; success and the numbers of unexpected values
must be alike. Memory is the peak of the process, for a tenth of the rows and for all of them.
"""

import os
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ["GX_ANALYTICS_ENABLED"] = "false"
warnings.filterwarnings("ignore")

import great_expectations as gx  # noqa: E402
import pandas as pd  # noqa: E402
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: E402

from common import build_examples, example, report  # noqa: E402

METHODS = ["apple_pay", "bank_transfer", "credit_card", "debit_card", "gift_card", "paypal"]
HEADER = "id,customer_id,product_id,quantity,timestamp,payment_method\n"
SUITE = """suite: bench
key_columns: [id]
expectations:
- expect_column_values_to_not_be_null: {column: id}
- expect_column_values_to_be_between: {column: id, min_value: 1}
- expect_column_values_to_be_unique: {column: id}
- expect_column_values_to_not_be_null: {column: customer_id}
- expect_column_values_to_be_between: {column: customer_id, min_value: 1}
- expect_column_values_to_be_between: {column: product_id, min_value: 1}
- expect_column_values_to_be_between: {column: quantity, min_value: 1, max_value: 2147483647}
- expect_column_mean_to_be_between: {column: quantity, min_value: 1, max_value: 20}
- expect_column_max_to_be_between: {column: quantity, min_value: 1, max_value: 100}
- expect_column_values_to_not_be_null: {column: timestamp}
- expect_column_values_to_be_between:
    column: timestamp
    min_value: "1900-01-01T00:00:00+00:00"
    max_value: "2101-01-01T00:00:00+00:00"
- expect_column_values_to_not_be_null: {column: payment_method}
- expect_column_values_to_be_in_set:
    column: payment_method
    value_set: [apple_pay, bank_transfer, credit_card, debit_card, gift_card, paypal]
- expect_column_value_lengths_to_be_between: {column: payment_method, min_value: 1, max_value: 20}
"""


def make(path: Path, rows: int) -> None:
    """Rows in id order; one in a hundred breaks an expectation that both sides judge alike."""
    rng = random.Random(42)
    with path.open("w") as file:
        file.write(HEADER)
        for row in range(1, rows + 1):
            fields = [str(row), str(rng.randint(1, 1_000_000)), str(rng.randint(1, 50_000)), str(rng.randint(1, 9)),
                      f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:30:15Z",
                      METHODS[row % len(METHODS)]]
            if row % 100 == 0:
                place, value = [(3, "-1"), (2, "0"), (5, "barter"), (0, str(row - 1))][row // 100 % 4]
                fields[place] = value
            file.write(",".join(fields) + "\n")


def with_great_expectations(source: Path, expectations: list) -> tuple[dict, list]:
    started = time.perf_counter()
    frame = pd.read_csv(source, parse_dates=["timestamp"])
    read = time.perf_counter() - started
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("transactions")
    suite = gx.ExpectationSuite(name="transactions")
    for entry in expectations:
        suite.add_expectation_configuration(ExpectationConfiguration(**entry))
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    started = time.perf_counter()
    found = batch.validate(suite, result_format="SUMMARY").to_json_dict()
    seconds = {"checks": time.perf_counter() - started, "read": read}
    for result in found["results"]:
        assert not result["exception_info"].get("raised_exception"), result
    return seconds, found["results"]


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    build_examples()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, small, suite = folder / "transactions.csv", folder / "small.csv", folder / "suite.yaml"
        make(source, rows)
        make(small, rows // 10)
        suite.write_text(SUITE)

        def ours(what, file, threads):
            runs = [example("validate_csv", what, "transactions", file, threads) for _ in range(3)]
            return min(runs, key=lambda answer: answer["seconds"])

        two, one = ours(suite, source, 2), ours(suite, source, 1)
        parse_two, parse_one = ours("parse", source, 2), ours("parse", source, 1)
        tenth = ours(suite, small, 2)
        expectations = [{"type": r["type"], "kwargs": r["kwargs"]} for r in two["results"]]
        seconds, theirs = with_great_expectations(source, expectations)
        # The order there is another one; an expectation is about one column each.
        by_config = {(r["expectation_config"]["type"], r["expectation_config"]["kwargs"]["column"]): r for r in theirs}
        for result in two["results"]:
            their = by_config[result["type"], result["kwargs"]["column"]]
            assert result["success"] == their["success"], (result, their)
            assert result["unexpected_count"] == their["result"].get("unexpected_count"), (result, their)
        failed = sum(not r["success"] for r in two["results"])
        print(f"{rows:,} rows, {source.stat().st_size / 1e6:.0f} MB, {len(expectations)} expectations, "
              f"{failed} failed, alike on both sides")
        version = "Great Expectations " + gx.__version__
        report("read and check, 2 threads", two["seconds"], {version: seconds["read"] + seconds["checks"]}, rows / 1e6, "M rows/s")
        report("read and check, 1 thread", one["seconds"], {version: seconds["read"] + seconds["checks"]}, rows / 1e6, "M rows/s")
        report("the same against its checks alone, data frame in memory, 2 threads", two["seconds"],
               {version: seconds["checks"]}, rows / 1e6, "M rows/s")
        for label, both, parse in (("2 threads", two, parse_two), ("1 thread", one, parse_one)):
            print(f"\nparse into typed columns, {label}: {parse['seconds']:.3f} s; all expectations take "
                  f"{both['seconds'] / parse['seconds']:.2f} times that")
        print(f"\npeak memory: {tenth['peak_mb']:.1f} MB for {rows // 10:,} rows, {two['peak_mb']:.1f} MB for {rows:,}")


main()
