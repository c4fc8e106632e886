"""One peer's point-in-time join over the files that the example `point_in_time` makes, in a process of its
own, so that its memory is its own: peers.py PEER FOLDER TTL ROUNDS OUT. Prints one JSON object.

Each reads the Parquet files and holds the answer as an Arrow table or data frame. None puts the answers in
the order of the spine, which ShopFlow does. Those named "known" take nothing that was known only later.
"""

import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

FEATURES = ["purchases_30d", "revenue_30d", "mean_amount", "share_returned", "days_between"]
THREADS = 2


def duckdb_asof(folder: Path, ttl: int, known: bool):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    connection.execute("SET TimeZone = 'UTC'")
    values = ", ".join(
        f"CASE WHEN s.event_timestamp - v.event_timestamp <= INTERVAL {ttl} DAY THEN v.{name} END AS {name}"
        for name in FEATURES)
    view = f"read_parquet('{folder}/view-*.parquet')"
    if not known:
        return connection.sql(f"""
            SELECT s.row, {values} FROM read_parquet('{folder}/spine.parquet') AS s
            ASOF LEFT JOIN {view} AS v
            ON s.customer_id = v.customer_id AND s.event_timestamp >= v.event_timestamp""").to_arrow_table()
    # ASOF has one inequality. From the moment a row can be seen, it is the answer if it is later than all
    # that could be seen before; rows that never are go away, and what is left is joined by that moment.
    return connection.sql(f"""
        WITH seen AS (
            SELECT *, greatest(event_timestamp, created_timestamp) AS seen_at FROM {view}
        ), answers AS (
            SELECT * FROM seen
            QUALIFY (event_timestamp, created_timestamp) >= max((event_timestamp, created_timestamp))
                OVER (PARTITION BY customer_id ORDER BY seen_at, event_timestamp, created_timestamp
                      ROWS UNBOUNDED PRECEDING)
        )
        SELECT s.row, {values} FROM read_parquet('{folder}/spine.parquet') AS s
        ASOF LEFT JOIN answers AS v
        ON s.customer_id = v.customer_id AND s.event_timestamp >= v.seen_at""").to_arrow_table()


def duckdb_latest(folder: Path, ttl: int):
    """Every row that could be seen beside every row that asks, and of these the latest."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    connection.execute("SET TimeZone = 'UTC'")
    values = ", ".join(f"found.{name}" for name in FEATURES)
    packed = ", ".join(f"{name} := v.{name}" for name in FEATURES)
    return connection.sql(f"""
        SELECT row, {values} FROM (
            SELECT s.row, arg_max(struct_pack({packed}), (v.event_timestamp, v.created_timestamp)) AS found
            FROM read_parquet('{folder}/spine.parquet') AS s
            LEFT JOIN read_parquet('{folder}/view-*.parquet') AS v
            ON s.customer_id = v.customer_id AND v.event_timestamp <= s.event_timestamp
                AND v.created_timestamp <= s.event_timestamp
                AND v.event_timestamp >= s.event_timestamp - INTERVAL {ttl} DAY
            GROUP BY s.row)""").to_arrow_table()


def polars_asof(folder: Path, ttl: int, known: bool):
    import polars as pl

    spine = pl.scan_parquet(folder / "spine.parquet").sort("customer_id", "event_timestamp")
    # Rows of a customer are in the order of moments, file after file: sorting is left out where it may be.
    view = pl.scan_parquet(sorted(folder.glob("view-*.parquet")))
    on = "event_timestamp"
    if known:
        order = ["customer_id", "event_timestamp", "created_timestamp"]
        view = view.sort(order).with_row_index("place").with_columns(
            seen_at=pl.max_horizontal("event_timestamp", "created_timestamp"))
        view = view.sort("customer_id", "seen_at", "place").filter(
            pl.col("place") == pl.col("place").cum_max().over("customer_id"))
        on = "seen_at"
    view = view.select("customer_id", pl.col(on).alias("at"), pl.col("event_timestamp").alias("about"), *FEATURES)
    joined = spine.join_asof(view, left_on="event_timestamp", right_on="at", by="customer_id",
                             strategy="backward", check_sortedness=False)
    is_given = pl.col("event_timestamp") - pl.col("about") <= pl.duration(days=ttl)
    values = [pl.when(is_given).then(pl.col(name)).alias(name) for name in FEATURES]
    return joined.select("row", *values).collect().to_arrow()


def feast_history(folder: Path, ttl: int, known: bool):
    """The time is that of the retrieval: definitions are applied before."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
    from feast.types import Float64

    store = FeatureStore(config=RepoConfig(
        project="bench", provider="local", registry=str(folder / "registry.db"), online_store=None,
        offline_store=DuckDBOfflineStoreConfig(), entity_key_serialization_version=3))
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
    source = FileSource(path=f"{folder}/view-*.parquet", timestamp_field="event_timestamp",
                        created_timestamp_column="created_timestamp")
    view = FeatureView(name="view", entities=[customer], ttl=timedelta(days=ttl), source=source,
                       schema=[Field(name=name, dtype=Float64) for name in FEATURES])
    store.apply([customer, view])

    def retrieve():
        spine = pd.read_parquet(folder / "spine.parquet")
        job = store.get_historical_features(spine, [f"view:{name}" for name in FEATURES],
                                            filter_by_created_timestamp=known)
        return job.to_arrow()

    return retrieve


def prepare(peer: str, folder: Path, ttl: int):
    """What is timed."""
    match peer.removesuffix(" known"):
        case "DuckDB ASOF":
            return lambda: duckdb_asof(folder, ttl, known=peer.endswith("known"))
        case "DuckDB latest":
            return lambda: duckdb_latest(folder, ttl)
        case "Polars join_asof":
            return lambda: polars_asof(folder, ttl, known=peer.endswith("known"))
        case "Feast":
            return feast_history(folder, ttl, known=peer.endswith("known"))
    raise ValueError(f"no such peer: {peer}")


def main() -> None:
    peer, folder, ttl, rounds, out = sys.argv[1:]
    run = prepare(peer, Path(folder), int(ttl))
    seconds = []
    for _ in range(int(rounds)):
        started = time.perf_counter()
        table = run()
        seconds.append(time.perf_counter() - started)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    import pyarrow.parquet as pq

    pq.write_table(table.select(["row", *FEATURES]), out)
    print(json.dumps({"seconds": min(seconds), "rounds": seconds, "peak_mb": peak_mb}))


main()
