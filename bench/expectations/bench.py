"""A suite of expectations over one CSV file: checks only, against Great Expectations with pandas.

In two parts, "typed" and "raw text" (see inputs.py). In each, both sides read the same file, judge the
same expectations and list the keys of failing rows; success, the numbers of unexpected values and the
listed keys must be alike. Memory is the peak of the process, for a tenth of the rows and for all of them.

    bench.py [ROWS] [typed|raw]
"""

import math
import os
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

import inputs  # noqa: E402
from common import build_examples, example, report  # noqa: E402

# What ShopFlow's results have too: counts, the first values, and the keys of their rows.
RESULT_FORMAT = {"result_format": "SUMMARY", "unexpected_index_column_names": ["id"]}

PARTS = {
    "typed": {
        "dataset": "transactions", "suite": inputs.TYPED_SUITE, "defects": inputs.TYPED_DEFECTS,
        "read": lambda source: pd.read_csv(source, parse_dates=["timestamp"]),
    },
    "raw": {
        "dataset": "text", "suite": inputs.RAW_SUITE, "defects": inputs.RAW_DEFECTS,
        "read": lambda source: pd.read_csv(source, dtype=str, keep_default_na=False, na_values=[""]),
    },
}


def with_great_expectations(frame: pd.DataFrame, expectations: list) -> tuple[float, list]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("transactions")
    suite = gx.ExpectationSuite(name="transactions")
    for place, entry in enumerate(expectations):
        suite.add_expectation_configuration(ExpectationConfiguration(**entry, meta={"place": place}))
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    started = time.perf_counter()
    found = batch.validate(suite, result_format=RESULT_FORMAT).to_json_dict()
    seconds = time.perf_counter() - started
    for result in found["results"]:
        assert not result["exception_info"].get("raised_exception"), result["exception_info"]
    # The order there is another one.
    return seconds, sorted(found["results"], key=lambda result: result["expectation_config"]["meta"]["place"])


def plain(row: dict) -> dict:
    """A listed row; pandas has NaN where a value is missing."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def compare(ours: list, theirs: list) -> int:
    """Verdict by verdict, count by count, key by key; how many keys were compared."""
    keys = 0
    for our, their in zip(ours, theirs, strict=True):
        assert our["type"] == their["expectation_config"]["type"]
        found = their["result"]
        assert our["success"] == their["success"], (our, found)
        if "distinct_values" in our["type"]:
            continue  # There, the count is of something else.
        assert our["unexpected_count"] == found.get("unexpected_count"), (our, found)
        our_rows = [plain(row) for row in our["rows"] or []]
        their_rows = [plain(row) for row in found.get("partial_unexpected_index_list") or []]
        if our["type"].endswith("to_be_unique"):
            # There, every row of a repeated value is listed; here, those where it comes again.
            their_rows = [row for at, row in enumerate(their_rows) if row in their_rows[:at]]
            our_rows = our_rows[:len(their_rows)]
        assert our_rows == their_rows, (our, their_rows)
        keys += len(our_rows)
    return keys


def run(name: str, rows: int, folder: Path) -> None:
    part = PARTS[name]
    source, small, suite = folder / f"{name}.csv", folder / f"{name}_small.csv", folder / f"{name}.yaml"
    inputs.write(source, rows, part["defects"])
    inputs.write(small, rows // 10, part["defects"])
    suite.write_text(part["suite"])

    def ours(what, file, threads):
        runs = [example("validate_csv", what, part["dataset"], file, threads) for _ in range(3)]
        return min(runs, key=lambda answer: answer["seconds"])

    two, one = ours(suite, source, 2), ours(suite, source, 1)
    parse_two, parse_one = ours("parse", source, 2), ours("parse", source, 1)
    tenth = ours(suite, small, 2)

    started = time.perf_counter()
    frame = part["read"](source)
    read = time.perf_counter() - started
    expectations = [{"type": r["type"], "kwargs": r["kwargs"]} for r in two["results"]]
    checks, theirs = with_great_expectations(frame, expectations)
    keys = compare(two["results"], theirs)
    failed = sum(not r["success"] for r in two["results"])

    print(f"\n=== {name}: {rows:,} rows, {source.stat().st_size / 1e6:.0f} MB, {len(expectations)} expectations, "
          f"{failed} failed; verdicts, counts and {keys} listed row keys alike on both sides")
    version = "Great Expectations " + gx.__version__
    for label, both in (("2 threads", two), ("1 thread", one)):
        report(f"{name}: read and check, {label}", both["seconds"], {version: read + checks}, rows / 1e6, "M rows/s")
        report(f"{name}: the same against its checks alone, data frame in memory, {label}", both["seconds"],
               {version: checks}, rows / 1e6, "M rows/s")
    for label, both, parse in (("2 threads", two, parse_two), ("1 thread", one, parse_one)):
        print(f"\n{name}: parse into columns, {label}: {parse['seconds']:.3f} s; all expectations take "
              f"{both['seconds'] / parse['seconds']:.2f} times that")
    print(f"\n{name}: peak memory {tenth['peak_mb']:.1f} MB for {rows // 10:,} rows, "
          f"{two['peak_mb']:.1f} MB for {rows:,}", flush=True)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    names = sys.argv[2:] or list(PARTS)
    build_examples()
    with tempfile.TemporaryDirectory() as name:
        for part in names:
            run(part, rows, Path(name))


main()
