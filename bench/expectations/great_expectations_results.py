"""What Great Expectations says about the cases of the agreement test.

    python great_expectations_results.py write DIRECTORY   # cases and results, one JSON file a case
    python great_expectations_results.py check DIRECTORY   # run again and compare with the files
    python great_expectations_results.py random SEED       # one case of random data, to standard output

A case is a table (typed columns, values in JSON), a list of expectations, and for each of them what
Great Expectations found: success, the result, or the fact that it raised an exception. The test
shared/expectations/tests/agreement.rs runs the same expectations over the same table.
"""

import json
import math
import os
import pathlib
import random
import sys
import warnings

os.environ["GX_ANALYTICS_ENABLED"] = "false"
warnings.filterwarnings("ignore")

import great_expectations as gx  # noqa: E402
import pandas as pd  # noqa: E402
from great_expectations.expectations.expectation_configuration import (  # noqa: E402
    ExpectationConfiguration,
)

import cases  # noqa: E402


def series(column):
    kind, values = column["type"], column["values"]
    if kind == "float":
        words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
        return pd.Series(
            [math.nan if v is None else words.get(v, v) for v in values], dtype="float64"
        )
    if kind == "int":
        if any(v is None for v in values):
            return pd.Series(values, dtype="float64")
        return pd.Series(values, dtype="int64")
    if kind == "uint64":
        return pd.Series(values, dtype="uint64")
    if kind == "bool":
        return pd.Series(values, dtype="bool")
    if kind == "timestamp":
        return pd.Series(pd.to_datetime(values, format='ISO8601'), dtype="datetime64[us]")
    return pd.Series(values, dtype="str")


def plain(value):
    """Plain JSON; what JSON lacks is written as text."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(v) for v in value]
    if value is pd.NaT or value == "NaT":
        return None
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, int):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def run(case):
    frame = pd.DataFrame({c["name"]: series(c) for c in case["columns"]})
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    results = []
    for expectation in case["expectations"]:
        configuration = ExpectationConfiguration(
            type=expectation["type"], kwargs=dict(expectation["kwargs"])
        )
        try:
            found = batch.validate(
                configuration.to_domain_obj(),
                result_format={"result_format": "SUMMARY", "partial_unexpected_count": 20},
            ).to_json_dict()
        except Exception as error:  # the message is part of the finding
            results.append({"exception": type(error).__name__})
            continue
        info = found["exception_info"]
        raised = info.get("raised_exception")
        if raised is None:
            raised = any(entry.get("raised_exception") for entry in info.values())
        if raised:
            results.append({"exception": "raised"})
        else:
            results.append({"success": bool(found["success"]), "result": plain(found["result"])})
    for result in results:
        # The order of a set is random.
        missing = result.get("result", {}).get("partial_missing_list")
        if missing:
            missing.sort(key=str)
    return {**case, "great_expectations": gx.__version__, "pandas": pd.__version__, "results": results}


def near(a, b):
    """Equal up to rounding."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(near(x, y) for x, y in zip(a, b))
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, (int, float)) and isinstance(b, (int, float)) and math.isclose(
            a, b, rel_tol=1e-9, abs_tol=1e-12
        )
    return a == b


def write(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for case in cases.all_cases():
        path = directory / f"{case['case']}.json"
        path.write_text(json.dumps(run(case), indent=1, ensure_ascii=False) + "\n")
        print(f"{path}: {len(case['expectations'])} expectations")


def check(directory):
    wrong = 0
    for case in cases.all_cases():
        stored = json.loads((directory / f"{case['case']}.json").read_text())
        found = json.loads(json.dumps(run(case)))
        for expectation, a, b in zip(case["expectations"], stored["results"], found["results"]):
            if not near(a, b):
                wrong += 1
                print(f"{case['case']}: {expectation}\n  stored {a}\n  found  {b}")
    print(f"{wrong} differences from the stored results (great_expectations {gx.__version__})")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", directory]:
            write(pathlib.Path(directory))
        case ["check", directory]:
            check(pathlib.Path(directory))
        case ["random", seed]:
            print(json.dumps(run(cases.random_case(random.Random(int(seed))))))
        case _:
            sys.exit(__doc__)
