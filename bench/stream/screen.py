"""From event to screen: when events that are sent one after the other are first in the figures of an open page.

The page's counters tell how many events are in its figures. Which ones follows from the order in which
batches became effective, as the function logs it, and from the order of the events on their shard. So the
latency of each event is known: from the moment its call was due, however late the sender was, until the
answer was there. Drawing is not in it.
"""

import time
from bisect import bisect_left
from datetime import datetime

from cloud import Cloud
from deployed import (
    PATIENCE, Batch, Commit, Counters, Emulator, Page, Sender, Viewer, answers, batches, link_to_page, quantile,
)
from meter import Meter

# Seconds between two calls of the sender, and between an answer and the next question of the viewer that
# hardly waits.
EVERY, CLOSELY = 0.05, 0.1
# Seconds that are sent before, since what comes first on a new cloud takes longer.
WARM_UP = 2
# The page shows this much of the recent past.
SHOWN = 15 * 60
SLICE = 10


def event_to_screen(started: Cloud, rate: float, seconds: float) -> dict:
    if seconds > SHOWN - 60:
        raise SystemExit("the page does not show all events of so long a time")
    page, counters = Page.read(), Counters(started)
    emulator = Emulator(started.variables["AWS_ENDPOINT_URL"])
    link = link_to_page(started)

    def sender() -> Sender:
        return Sender(emulator, started.variables["CLICK_STREAM"], rate, EVERY)

    before, first = counters.read(), sender()
    first.run(WARM_UP)
    first.check(counters.settle(before, first.sent))
    Meter(started.emulator, started.postgres).settle()

    before, measured = counters.read(), sender()
    viewers = {"page": Viewer(link, page), "closely": Viewer(link, page, CLOSELY)}
    for viewer in viewers.values():
        viewer.ask()
        viewer.start()
    # Slices that are this part's alone.
    time.sleep(SLICE - time.time() % SLICE)
    began = time.time()
    measured.run(seconds)
    ended = time.time()
    counts = counters.settle(before, measured.sent)
    measured.check(counts)
    for viewer in viewers.values():
        viewer.wait_for(before["received"] + counts["received"])
    in_series(viewers["page"], began, measured.distinct)
    for viewer in viewers.values():
        viewer.end()

    found = logged_batches(emulator, began, measured.sent)
    commits = sorted((commit for batch in found for commit in batch.commits), key=lambda commit: commit.at)
    effective, shown = latencies(measured, commits, viewers, before["received"])
    result = {
        "rate": rate, "seconds": seconds, "events": measured.sent, "sender_behind": measured.behind,
        "put_records": spread(measured.calls), "commits": len(commits),
        "function": spread([batch.function / 1000 for batch in found]), "effective": spread(effective),
        **{name: {**spread(shown[name]), "answer": spread(viewer.took_between(began, ended) or viewer.took),
                  "failures": viewer.failures, "every": viewer.every} for name, viewer in viewers.items()},
        "dashboard": spread([millis / 1000 for millis in answers(emulator, began, ended)]),
    }
    show(result)
    return result


def in_series(viewer: Viewer, began: float, events: int) -> None:
    """Waits until all slices are in the page's series, which must have each event once."""
    limit = time.monotonic() + PATIENCE
    while True:
        series = viewer.figures["events"]
        start, step = datetime.fromisoformat(series["from"].replace("Z", "+00:00")).timestamp(), series["step_seconds"]
        # Nothing else is sent: slices of later times have no events.
        counted = sum(value or 0 for number, value in enumerate(series["values"]) if start + number * step >= began - 1)
        if counted == events:
            return
        if counted > events or time.monotonic() > limit or viewer.problem:
            raise SystemExit(viewer.problem or f"the page's series has {counted:,} events, and {events:,} were sent")
        time.sleep(0.2)


def logged_batches(emulator: Emulator, since: float, sent: int) -> list[Batch]:
    """The batches of so many events; the last lines of a log may take a moment."""
    limit = time.monotonic() + PATIENCE
    while True:
        found = batches(emulator, since)
        told = sum(commit.received - commit.repeated for batch in found for commit in batch.commits)
        if told == sent:
            return found
        if told > sent or time.monotonic() > limit:
            raise SystemExit(f"the log tells of {told:,} events, and {sent:,} were sent")
        time.sleep(1)


def latencies(
    sender: Sender, commits: list[Commit], viewers: dict[str, Viewer], received: int,
) -> tuple[list[float], dict[str, list[float]]]:
    """Seconds of each event until it was in effect, and until each viewer had it."""
    records = {shard: iter(sent) for shard, sent in sender.on_shard.items()}
    # After each commit: what the counters say, and when the events that it brought were due.
    counts, due = [received], [[]]
    for commit in commits:
        events, brought = commit.received - commit.repeated, []
        while len(brought) < events:
            moment, lines = next(records[commit.shard])
            brought.extend([moment] * lines)
        if len(brought) > events:
            raise SystemExit("a record took effect in parts")
        counts.append(counts[-1] + commit.received)
        due.append(brought)
    effective = [commit.at - moment for commit, moments in zip(commits, due[1:]) for moment in moments]
    return effective, {name: until_shown(viewer, counts, due) for name, viewer in viewers.items()}


def until_shown(viewer: Viewer, counts: list[int], due: list[list[float]]) -> list[float]:
    """Seconds until each event was in an answer, all of which must be of a moment between two commits."""
    possible = set(counts)
    torn = [count for _, count in viewer.counted if count not in possible and count > counts[0]]
    if torn:
        raise SystemExit(f"an answer counts {torn[0]:,} events, after which no batch ended")
    counted = [count for _, count in viewer.counted]
    if counted != sorted(counted):
        raise SystemExit("an answer counts less than the one before")
    found = []
    for count, moments in zip(counts, due):
        if moments:
            shown_at = viewer.counted[bisect_left(counted, count)][0]
            found.extend(shown_at - moment for moment in moments)
    return found


def spread(values: list[float]) -> dict[str, float]:
    return {**{f"p{round(share * 100)}": round(quantile(values, share), 4) for share in (0.5, 0.95, 0.99)},
            "max": round(max(values), 4)}


def show(result: dict) -> None:
    print(f"\nfrom event to screen: {result['rate']:,.0f} events/s for {result['seconds']:.0f} s,"
          " each in the page's figures once")
    print(f"  {'seconds':<42}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}")
    page, closely = result["page"], result["closely"]
    rows = {
        f"on the page, which asks every {page['every']:g} s": page,
        f"asked for every {closely['every']:g} s": closely,
        "in effect (committed)": result["effective"],
        "a batch in the function": result["function"],
        "an answer to the page": page["answer"],
        "an answer in the function": result["dashboard"],
        "a call to send": result["put_records"],
    }
    for name, values in rows.items():
        print(f"  {name:<42}" + "".join(f"{values[share]:>8.3f}" for share in ("p50", "p95", "p99", "max")))
    share = 1 - result["closely"]["p50"] / page["p50"]
    print(f"  {share:.0%} of the median is waiting for the page to ask; {result['commits']:,} commits;"
          f" the sender was at most {result['sender_behind']:.3f} s behind;"
          f" {page['failures'] + closely['failures']} questions without an answer")
