"""Peak memory of the deployed functions as their input grows.

Sends generated transactions of each size through generate, validate, upload and load on a local cloud
and reads, after each size, the highest resident memory that the function's processes have reached so
far.

    python3 bench/run.py memory 10 100             # megabytes of transactions

The emulator keeps every object in memory, several times over: 1,000 MB need more than 20 GB. For such
sizes, run the examples that the README names with the figures: they measure one stage each.
"""

import json
import sys
import time
import urllib.request

from cloud import Cloud, cloud
from meter import children_by_function

# Bytes of one generated transaction, on average.
ROW_BYTES = 46
RUN_DATE = "2026-01-15"


def invoke(started: Cloud, function: str, event: dict) -> dict:
    address = f"{started.variables['AWS_ENDPOINT_URL']}/2015-03-31/functions/shopflow-local-{function}/invocations"
    request = urllib.request.Request(address, json.dumps(event).encode())
    with urllib.request.urlopen(request, timeout=900) as answer:
        result = json.load(answer)
    if "errorType" in result:
        raise SystemExit(f"{function}: {result['errorType']}: {result.get('errorMessage')}")
    return result


def peak_mib(started: Cloud, function: str) -> int:
    """Highest resident memory of the processes of one function, in MiB."""
    peak = 0
    for process in children_by_function(started.emulator).get(function, []):
        status = (process / "status").read_text()
        peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) // 1024)
    return peak


def send(started: Cloud, megabytes: int, number: int) -> dict[str, float]:
    """One size through the stages; seconds per stage."""
    run = {"run_id": f"memory-{int(time.time())}-{number}", "run_date": RUN_DATE}
    seconds: dict[str, float] = {}

    def stage(function: str, event: dict) -> dict:
        began = time.perf_counter()
        result = invoke(started, function, event)
        seconds[function] = seconds.get(function, 0) + time.perf_counter() - began
        return result

    spec = {"scale": megabytes * 1e6 / ROW_BYTES / 5000, "seed": number}
    objects = stage("generate", {"run_id": run["run_id"], "run_date": RUN_DATE, "spec": spec})["objects"]
    source = next(found for found in objects if "/transactions/" in found["key"])
    valid = stage("validate", {**run, "object": source})
    copied = stage("upload", {**run, "action": "copy", "part": 0, "dataset": "transactions",
                              "source": valid["source"], "validated": valid["validated"]})
    published = stage("upload", {**run, "action": "publish", "entries": [copied["entry"]]})
    loaded = stage("load", {**run, "dataset": "transactions", "manifest": published["manifest"]})
    ledger = loaded["ledger"]
    assert ledger["rows_in"] == ledger["rows_loaded"] + ledger["rows_unchanged"], ledger
    assert ledger["rows_in"] == valid["ledger"]["rows_in"], (ledger, valid["ledger"])
    print(f"{valid['source']['bytes'] / 1e6:,.0f} MB, {ledger['rows_in']:,} rows: "
          + ", ".join(f"{name} {taken:.1f} s" for name, taken in seconds.items()))
    return seconds


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [10, 100]
    functions = ["generate", "validate", "upload", "load"]
    peaks = []
    with cloud() as started:
        for number, size in enumerate(sizes):
            send(started, size, number)
            peaks.append([peak_mib(started, function) for function in functions])
    print("\npeak resident memory in MiB, after each size")
    print("  MB     " + "".join(f"{function:>10}" for function in functions))
    for size, row in zip(sizes, peaks):
        print(f"  {size:<7}" + "".join(f"{peak:>10}" for peak in row))


main()
