"""A thousand small Parquet files in S3 to one, on the local AWS emulator.

Every side reads the same objects from the same server and writes one object back.
"""

import os
import sys
import time

import duckdb
import polars as pl

from cloud import ENDPOINT, servers
from common import build_examples, example, report


def with_polars(bucket: str, prefix: str) -> int:
    access = {"aws_endpoint_url": os.environ[ENDPOINT], "aws_access_key_id": "test", "aws_secret_access_key": "test",
              "aws_region": "us-east-1", "aws_allow_http": "true"}
    source = f"s3://{bucket}/{prefix}/*.parquet"
    target = f"s3://{bucket}/polars/merged.parquet"
    pl.scan_parquet(source, storage_options=access, hive_partitioning=False).sink_parquet(
        target, compression="zstd", compression_level=1, storage_options=access)
    return pl.scan_parquet(target, storage_options=access).select(pl.len()).collect().item()


def with_duckdb(bucket: str, prefix: str) -> int:
    connection = duckdb.connect()
    connection.execute("INSTALL httpfs; LOAD httpfs")
    connection.execute(f"""CREATE SECRET (TYPE s3, KEY_ID 'test', SECRET 'test', REGION 'us-east-1', USE_SSL false,
                           URL_STYLE 'path', ENDPOINT '{os.environ[ENDPOINT].removeprefix("http://")}')""")
    target = f"s3://{bucket}/duckdb/merged.parquet"
    connection.execute(f"""COPY (FROM read_parquet('s3://{bucket}/{prefix}/*.parquet', hive_partitioning = false))
                           TO '{target}' (COMPRESSION zstd, COMPRESSION_LEVEL 1)""")
    return connection.execute(f"SELECT count(*) FROM '{target}'").fetchone()[0]


def main() -> None:
    files, rows = (int(argument) for argument in (sys.argv[1:3] or (1000, 5000)))
    build_examples()
    with servers():
        compare(files, rows)


def compare(files: int, rows: int) -> None:
    made = example("timing", "make", files, rows)
    seconds = {}
    for name, action in (("Polars " + pl.__version__, with_polars), ("DuckDB " + duckdb.__version__, with_duckdb)):
        started = time.perf_counter()
        try:
            counted = action(made["bucket"], made["prefix"])
        except duckdb.IOException as problem:
            # Its S3 support is an extension that it downloads.
            print(f"{name} left out: {str(problem).splitlines()[0]}", file=sys.stderr)
            continue
        seconds[name] = time.perf_counter() - started
        assert counted == files * rows, f"{name} kept {counted} rows"
    ours = example("timing", "compact", made["bucket"])
    assert ours["rows"] == files * rows, ours
    print(f"{files:,} files of {rows:,} rows, {made['bytes'] / 1e6:.1f} MB, to {ours['files']} file(s); "
          f"repeat {ours['repeat'] * 1000:.0f} ms; fetching the files alone {ours['reading']:.2f} s")
    report("compact", ours["seconds"], seconds, files, "files/s")


main()
