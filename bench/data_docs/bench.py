"""Data docs of one suite over one file, run after run: pages to a folder, against Great Expectations.

Both sides judge the same expectations on the same rows; only writing the pages is timed, for the first
run and for the last one. Bytes are those of the folder after the last run; "elsewhere" counts addresses
of other hosts from which a page loads scripts, styles or fonts.
"""

import os
import random
import re
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
EXPECTATIONS = [
    ("expect_column_values_to_not_be_null", {"column": "id"}),
    ("expect_column_values_to_be_unique", {"column": "id"}),
    ("expect_column_values_to_not_be_null", {"column": "customer_id"}),
    ("expect_column_values_to_be_between", {"column": "product_id", "min_value": 1}),
    ("expect_column_values_to_be_between", {"column": "quantity", "min_value": 1, "max_value": 9}),
    ("expect_column_mean_to_be_between", {"column": "quantity", "min_value": 1, "max_value": 20}),
    ("expect_column_values_to_not_be_null", {"column": "timestamp"}),
    ("expect_column_values_to_be_in_set", {"column": "payment_method", "value_set": METHODS}),
]
# What a page loads; a link that a person may follow is none of it.
ELSEWHERE = re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=[\"'](https?://[^\"']+)")


def make(path: Path, rows: int) -> None:
    rng = random.Random(42)
    with path.open("w") as file:
        file.write("id,customer_id,product_id,quantity,timestamp,payment_method\n")
        for row in range(1, rows + 1):
            method = "barter" if row % 500 == 0 else METHODS[row % len(METHODS)]
            file.write(f"{row},{rng.randint(1, 1000)},{rng.randint(1, 500)},{rng.randint(1, 9)},"
                       f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T10:30:15Z,{method}\n")


def suite() -> str:
    lines = ["suite: transactions", "key_columns: [id]", "expectations:"]
    for name, arguments in EXPECTATIONS:
        lines.append(f"- {name}: {{{', '.join(f'{key}: {value}' for key, value in arguments.items())}}}".replace("'", ""))
    return "\n".join(lines) + "\n"


def with_great_expectations(folder: Path, source: Path, runs: int) -> tuple[list[float], Path]:
    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    frame = pd.read_csv(source, parse_dates=["timestamp"])
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("transactions")
    batch = asset.add_batch_definition_whole_dataframe("all")
    expected = gx.ExpectationSuite(name="transactions")
    for name, arguments in EXPECTATIONS:
        expected.add_expectation_configuration(ExpectationConfiguration(type=name, kwargs=arguments))
    expected = context.suites.add(expected)
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="all", data=batch, suite=expected))
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="all", validation_definitions=[definition]))
    seconds = []
    for number in range(runs):
        outcome = checkpoint.run(batch_parameters={"dataframe": frame},
                                 run_id=gx.RunIdentifier(run_name=f"run-{number}"))
        failed = [result for one in outcome.run_results.values() for result in one["results"] if not result["success"]]
        assert len(failed) == 1, failed
        started = time.perf_counter()
        context.build_data_docs()
        seconds.append(time.perf_counter() - started)
    return seconds, folder / "gx" / "uncommitted" / "data_docs" / "local_site"


def figures(folder: Path) -> tuple[int, int, int]:
    pages = list(folder.rglob("*.html"))
    elsewhere = {address for page in pages for address in ELSEWHERE.findall(page.read_text())}
    files = [file for file in folder.rglob("*") if file.is_file()]
    return len(pages), sum(file.stat().st_size for file in files), len(elsewhere)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    build_examples()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, ours_folder, theirs_folder = folder / "rows.csv", folder / "ours", folder / "theirs"
        make(source, 5_000)
        (folder / "suite.yaml").write_text(suite())
        theirs_folder.mkdir()
        ours = example("data_docs", folder / "suite.yaml", "transactions", source, runs, ours_folder)
        theirs, site = with_great_expectations(theirs_folder, source, runs)
        page = (ours_folder / "docs" / "run_id=run-0" / "transactions.html").read_text()
        assert page.count("not met</span>") == 1, "one expectation fails on both sides"
        version = "Great Expectations " + gx.__version__
        report("pages after the first run", ours["first"], {version: theirs[0]}, 1, "runs/s")
        report(f"pages after run {runs}", ours["last"], {version: theirs[-1]}, 1, "runs/s")
        for name, (pages, size, elsewhere) in {"shopflow": figures(ours_folder), version: figures(site)}.items():
            print(f"  {name:<24} {pages} pages, {size / 1e6:.2f} MB, {elsewhere} files from elsewhere")


main()
