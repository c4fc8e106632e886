"""The windows of the benchmark with Pathway, one thread: with_pathway.py CLICKS OUT.

The file is read in the static mode: its engine takes all events at once and writes each window once,
which costs it less than a stream would.
"""

import sys
from datetime import timedelta
from pathlib import Path

import pathway as pw

MINUTE = timedelta(minutes=1)
GAP = timedelta(minutes=30)


class Click(pw.Schema):
    session_id: str
    event_type: str
    product_id: int | None
    timestamp: str


def main(clicks: Path, out: Path) -> None:
    events = pw.io.jsonlines.read(clicks, schema=Click, mode="static")
    events = events.with_columns(at=pw.this.timestamp.dt.strptime("%Y-%m-%dT%H:%M:%S%.3fZ", contains_timezone=False))

    minutes = pw.temporal.tumbling(duration=MINUTE)
    activity = events.windowby(
        events.at, window=minutes, instance=pw.make_tuple(events.product_id, events.event_type),
    ).reduce(
        start=pw.this._pw_window_start.dt.timestamp(unit="ms"),
        product_id=pw.this._pw_instance[0],
        event_type=pw.this._pw_instance[1],
        events=pw.reducers.count(),
        visitors=pw.reducers.count_distinct(pw.this.session_id),
    )
    pw.io.jsonlines.write(activity, out / "activity.jsonl")

    traffic = events.windowby(events.at, window=minutes).reduce(
        start=pw.this._pw_window_start.dt.timestamp(unit="ms"),
        visitors=pw.reducers.count_distinct(pw.this.session_id),
    )
    pw.io.jsonlines.write(traffic, out / "traffic.jsonl")

    sessions = events.windowby(
        events.at, window=pw.temporal.session(max_gap=GAP), instance=events.session_id,
    ).reduce(
        session_id=pw.this._pw_instance,
        started=pw.reducers.min(pw.this.at).dt.timestamp(unit="ms"),
        ended=pw.reducers.max(pw.this.at).dt.timestamp(unit="ms"),
        events=pw.reducers.count(),
    )
    pw.io.jsonlines.write(sessions, out / "sessions.jsonl")
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


main(Path(sys.argv[1]), Path(sys.argv[2]))
