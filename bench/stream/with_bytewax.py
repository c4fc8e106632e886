"""The windows of the benchmark with Bytewax, one worker: with_bytewax.py CLICKS OUT."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.files import FileSink, FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, SessionWindower, TumblingWindower
from bytewax.testing import run_main

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUT_OF_ORDER = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
GAP = timedelta(minutes=30)


def click(line: str) -> dict:
    event = json.loads(line)
    event["at"] = datetime.fromisoformat(event["timestamp"])
    return event


def millis(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def count_and_note(state: tuple[int, set], event: dict) -> tuple[int, set]:
    count, visitors = state
    visitors.add(event["session_id"])
    return count + 1, visitors


def note(visitors: set, event: dict) -> set:
    visitors.add(event["session_id"])
    return visitors


def extend(state: list, event: dict) -> list:
    at = event["at"]
    if not state:
        return [at, at, 1]
    return [min(state[0], at), max(state[1], at), state[2] + 1]


def join(one: list, other: list) -> list:
    if not one or not other:
        return one or other
    return [min(one[0], other[0]), max(one[1], other[1]), one[2] + other[2]]


def activity(item: tuple[str, tuple[int, tuple[int, set]]]) -> tuple[str, str]:
    key, (window, (events, visitors)) = item
    product, event_type = key.split("|")
    return key, json.dumps({
        "start": window * 60_000, "product_id": int(product) if product else None, "event_type": event_type,
        "events": events, "visitors": len(visitors),
    })


def traffic(item: tuple[str, tuple[int, set]]) -> tuple[str, str]:
    key, (window, visitors) = item
    return key, json.dumps({"start": window * 60_000, "visitors": len(visitors)})


def session(item: tuple[str, tuple[int, list]]) -> tuple[str, str]:
    key, (_, (started, ended, events)) = item
    return key, json.dumps(
        {"session_id": key, "started": millis(started), "ended": millis(ended), "events": events})


def main(clicks: Path, out: Path) -> None:
    # The file is history: no alarm is set for the moment a window would end by the clock on the wall,
    # which takes a quarter of the time.
    clock = EventClock(ts_getter=lambda event: event["at"], wait_for_system_duration=OUT_OF_ORDER,
                       to_system_utc=lambda _: None)
    minutes = TumblingWindower(length=MINUTE, align_to=EPOCH)
    flow = Dataflow("clicks")
    events = op.map("parse", op.input("read", flow, FileSource(clicks, batch_size=1000)), click)

    by_product = op.key_on("by_product", events, lambda event: f"{event['product_id'] or ''}|{event['event_type']}")
    products = win.fold_window("activity", by_product, clock, minutes, lambda: (0, set()), count_and_note,
                               lambda one, other: (one[0] + other[0], one[1] | other[1]), ordered=False)
    op.output("write_activity", op.map("show_activity", products.down, activity), FileSink(out / "activity.jsonl"))

    together = op.key_on("together", events, lambda _: "all")
    visitors = win.fold_window("traffic", together, clock, minutes, set, note, set.union, ordered=False)
    op.output("write_traffic", op.map("show_traffic", visitors.down, traffic), FileSink(out / "traffic.jsonl"))

    by_session = op.key_on("by_session", events, lambda event: event["session_id"])
    sessions = win.fold_window("sessions", by_session, clock, SessionWindower(gap=GAP), list, extend, join,
                               ordered=False)
    op.output("write_sessions", op.map("show_session", sessions.down, session), FileSink(out / "sessions.jsonl"))
    run_main(flow)


main(Path(sys.argv[1]), Path(sys.argv[2]))
