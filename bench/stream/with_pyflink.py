"""The windows of the benchmark with PyFlink's SQL, parallelism 1: with_pyflink.py CLICKS OUT.

SQL with table functions for windows is what Flink advises; its plan runs in the Java virtual machine,
without Python for each event.
"""

import sys
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

SINK = """
    CREATE TABLE {name} ({columns})
    WITH ('connector' = 'filesystem', 'path' = 'file://{out}/{name}', 'format' = 'json')
"""


def main(clicks: Path, out: Path) -> None:
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    config = tables.get_config()
    config.set("parallelism.default", "1")
    config.set("table.local-time-zone", "UTC")
    tables.execute_sql(f"""
        CREATE TABLE clicks (
            session_id STRING, event_type STRING, product_id BIGINT, `timestamp` TIMESTAMP_LTZ(3),
            WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '30' SECOND
        ) WITH (
            'connector' = 'filesystem', 'path' = 'file://{clicks}', 'format' = 'json',
            'json.timestamp-format.standard' = 'ISO-8601'
        )
    """)
    sinks = {
        "activity": "`start` TIMESTAMP(3), product_id BIGINT, event_type STRING, events BIGINT, visitors BIGINT",
        "traffic": "`start` TIMESTAMP(3), visitors BIGINT",
        "sessions": "session_id STRING, started TIMESTAMP_LTZ(3), ended TIMESTAMP_LTZ(3), events BIGINT",
    }
    for name, columns in sinks.items():
        tables.execute_sql(SINK.format(name=name, columns=columns, out=out))
    together = tables.create_statement_set()
    together.add_insert_sql("""
        INSERT INTO activity
        SELECT window_start, product_id, event_type, count(*), count(DISTINCT session_id)
        FROM TUMBLE(TABLE clicks, DESCRIPTOR(`timestamp`), INTERVAL '1' MINUTE)
        GROUP BY window_start, window_end, product_id, event_type
    """)
    together.add_insert_sql("""
        INSERT INTO traffic
        SELECT window_start, count(DISTINCT session_id)
        FROM TUMBLE(TABLE clicks, DESCRIPTOR(`timestamp`), INTERVAL '1' MINUTE)
        GROUP BY window_start, window_end
    """)
    together.add_insert_sql("""
        INSERT INTO sessions
        SELECT session_id, min(`timestamp`), max(`timestamp`), count(*)
        FROM SESSION(TABLE clicks PARTITION BY session_id, DESCRIPTOR(`timestamp`), INTERVAL '30' MINUTE)
        GROUP BY window_start, window_end, session_id
    """)
    together.execute().wait()


main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
