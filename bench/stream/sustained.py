"""A rate that is kept up: how far the stream is behind, what its processes hold, and where the time goes.

The sender is the one of `screen`, with several events in a record as producers do that collect them, or
`shopflow stream`, whose verdict is that nothing is lost and nothing counts twice.
"""

import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from cloud import Cloud, home
from common import REPOSITORY, TARGET
from deployed import PATIENCE, Batch, Counters, Emulator, Page, Sender, Viewer, batches, link_to_page, quantile
from meter import Meter, children_by_function, difference

EVERY = 0.1
WATCHED = ["stream", "dashboard"]
PAGE_KIB = 4
# This share of the time is the start, whose lags do not count.
START = 0.1


@dataclass
class Sample:
    at: float
    sent: int
    read: int
    # Seconds of processor time so far, and MiB of the largest process.
    cpu: dict[str, float]
    memory: dict[str, float]


class Command:
    """`shopflow stream`, with a file in which it notes each event before it sends it."""

    def __init__(self, rate: float, seconds: float, folder: Path):
        self.labels, self.noted, self.place = folder / "labels.jsonl", 0, 0
        command = [TARGET / "release" / "shopflow", "stream", "--rate", f"{rate:g}", "--seconds", f"{seconds:.0f}",
                   "--peak", "1", "--labels", self.labels]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, env=home(), stdout=subprocess.PIPE, text=True)

    def sent(self) -> int:
        if self.labels.exists():
            with self.labels.open("rb") as lines:
                lines.seek(self.place)
                new = lines.read()
            self.place += len(new)
            self.noted += new.count(b"\n")
        return self.noted

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        if not self.is_over():
            self.process.kill()

    def end(self) -> None:
        output, _ = self.process.communicate()
        if self.process.returncode:
            raise SystemExit(f"shopflow stream failed ({self.process.returncode}):\n{output}")


class Ordered:
    """The benchmark's own sender, in a thread."""

    def __init__(self, started: Cloud, counters: Counters, rate: float, seconds: float, packed: int):
        emulator = Emulator(started.variables["AWS_ENDPOINT_URL"])
        self.sender = Sender(emulator, started.variables["CLICK_STREAM"], rate, EVERY, packed)
        self.counters, self.before, self.failure = counters, counters.read(), None
        self.thread = threading.Thread(target=self.run, args=[seconds], daemon=True)
        self.thread.start()

    def run(self, seconds: float) -> None:
        try:
            self.sender.run(seconds)
        except BaseException as failure:
            self.failure = failure

    def sent(self) -> int:
        return self.sender.sent

    def is_over(self) -> bool:
        return not self.thread.is_alive()

    def stop(self) -> None:
        """Nothing to do: the thread ends with the program."""

    def end(self) -> None:
        self.thread.join()
        if self.failure:
            raise self.failure
        self.sender.check(self.counters.settle(self.before, self.sender.sent))


def sustained(started: Cloud, rate: float, seconds: float, packed: int) -> dict:
    """With `packed` events in a record, or by the command when it is 0."""
    counters, meter = Counters(started), Meter(started.emulator, started.postgres)
    emulator = Emulator(started.variables["AWS_ENDPOINT_URL"])
    meter.settle()
    before, began = counters.read(), time.time()
    page = Viewer(link_to_page(started), Page.read())
    page.start()
    with tempfile.TemporaryDirectory() as temporary:
        load = Ordered(started, counters, rate, seconds, packed) if packed else Command(rate, seconds, Path(temporary))
        try:
            samples = sampled(load, counters, before, started.emulator, meter)
            load.end()
        finally:
            load.stop()
        sent = load.sent()
    counts = counters.since(before)
    page.wait_for(before["received"] + counts["received"])
    page.end()
    result = {"rate": rate, "seconds": seconds, "packed": packed, "events": sent, "counts": counts,
              **figures(samples), "batches": of_batches(batches(emulator, began)),
              "answers": {"count": len(page.took), "p50": round(quantile(page.took, 0.5), 3),
                          "max": round(max(page.took), 3), "failures": page.failures}}
    if packed:
        calls = load.sender.calls
        quarter = max(1, len(calls) // 4)
        result["put_records"] = [round(quantile(part, 0.5), 4) for part in (calls[:quarter], calls[-quarter:])]
    show(result)
    return result


def sampled(load, counters: Counters, before: dict[str, int], emulator: int, meter: Meter) -> list[Sample]:
    """A sample each second, until everything has been sent and read, or nothing is read any more."""
    samples: list[Sample] = []
    began = time.monotonic()
    while True:
        is_over = load.is_over()
        found = counters.since(before)
        # What has been sent is asked for last: the lag is rather too large than too small.
        read = found["received"] - found["repeated"]
        samples.append(Sample(time.time(), load.sent(), read, meter.read(), resident(emulator)))
        stands_still = len(samples) > PATIENCE and samples[-PATIENCE].read == read
        if is_over and (read >= samples[-1].sent or stands_still):
            return samples
        time.sleep(max(0.0, began + len(samples) - time.monotonic()))


def resident(emulator: int) -> dict[str, float]:
    """MiB of the largest process of each watched function, and of the emulator."""
    processes = children_by_function(emulator)
    found = {name: max(map(mebibytes, processes.get(name, [])), default=0.0) for name in WATCHED}
    return {**found, "emulator": mebibytes(Path(f"/proc/{emulator}"))}


def mebibytes(process: Path) -> float:
    try:
        return int((process / "statm").read_text().split()[1]) * PAGE_KIB / 1024
    except OSError:
        return 0.0


def figures(samples: list[Sample]) -> dict:
    """Of the time while events were sent; lags in events."""
    total = samples[-1].sent
    first = next(number for number, sample in enumerate(samples) if sample.sent)
    last = next(number for number, sample in enumerate(samples) if sample.sent == total)
    sending = samples[first:last + 1]
    steady = sending[int(len(sending) * START):] or sending
    quarter = max(1, len(sending) // 4)
    parts = (sending[:quarter], sending[-quarter:])
    lags = [sample.sent - sample.read for sample in steady]
    took = max(sending[-1].at - sending[0].at, 1.0)
    all_read = next((sample.at for sample in samples if sample.read >= total), samples[-1].at)
    return {
        "sent_per_second": round((total - sending[0].sent) / took, 1),
        "sent_per_second_by_quarter": [round((part[-1].sent - part[0].sent) / max(part[-1].at - part[0].at, 1.0), 1)
                                       for part in parts],
        "lag": {"p50": quantile(lags, 0.5), "p95": quantile(lags, 0.95), "max": max(lags),
                "by_quarter": [quantile([sample.sent - sample.read for sample in part], 0.5) for part in parts],
                "slope_per_second": round(slope([(sample.at, sample.sent - sample.read) for sample in steady]), 2)},
        "read_after_seconds": round(max(0.0, all_read - sending[-1].at), 2),
        "memory_mib_by_quarter": {name: [round(max(sample.memory[name] for sample in part), 1) for part in parts]
                                  for name in samples[0].memory},
        "processors": {name: round(used / took, 3)
                       for name, used in difference(sending[-1].cpu, sending[0].cpu).items() if used / took >= 0.005},
    }


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line with the least squares."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


def of_batches(found: list[Batch]) -> dict:
    """Where the time of the batches is, which the emulator gives to the function one after the other."""
    received = sum(commit.received for batch in found for commit in batch.commits)
    in_function = sum(batch.function for batch in found) / 1000
    span = found[-1].ended - found[0].ended + found[0].call / 1000
    walls = [(one.ended - other.ended) * 1000 for other, one in zip(found, found[1:])] or [found[0].call]
    return {
        "count": len(found), "events_p50": quantile([sum(c.received for c in batch.commits) for batch in found], 0.5),
        "function_ms": round(quantile([batch.function for batch in found], 0.5), 1),
        "call_ms": round(quantile([batch.call for batch in found], 0.5), 1),
        "wall_ms": round(quantile(walls, 0.5), 1),
        "share_in_function": round(in_function / span, 3),
        "share_in_calls": round(sum(batch.call for batch in found) / 1000 / span, 3),
        "events_per_second_in_function": round(received / in_function) if in_function else None,
    }


def show(result: dict) -> None:
    how = f"{result['packed']} events in a record" if result["packed"] else "`shopflow stream`"
    lag, batch, memory = result["lag"], result["batches"], result["memory_mib_by_quarter"]
    print(f"\na rate kept up: {result['rate']:,.0f} events/s for {result['seconds']:.0f} s, {how};"
          " nothing is lost, and nothing counts twice")
    first, last = result["sent_per_second_by_quarter"]
    print(f"  {result['events']:,} events sent, {result['sent_per_second']:,.0f}/s (first quarter {first:,.0f},"
          f" last {last:,.0f}), all of them read within {result['read_after_seconds']:.0f} s")
    first, last = lag["by_quarter"]
    print(f"  behind by {lag['p50']:,} events (p50; p95 {lag['p95']:,}, max {lag['max']:,});"
          f" first quarter {first:,}, last {last:,}; slope {lag['slope_per_second']:+,.1f} events a second")
    print("  resident MiB, first and last quarter: "
          + ", ".join(f"{name} {first:.0f} and {last:.0f}" for name, (first, last) in memory.items()))
    print(f"  {batch['count']:,} batches of {batch['events_p50']:,} events: {batch['function_ms']:.0f} ms in the"
          f" function, {batch['call_ms']:.0f} ms for the emulator's call of it, {batch['wall_ms']:.0f} ms from one"
          " to the next (p50)")
    print(f"  the function is at work {batch['share_in_function']:.0%} of the time, the emulator's calls take"
          f" {batch['share_in_calls']:.0%}; at work it reads {batch['events_per_second_in_function'] or 0:,} events/s")
    used = sorted(result["processors"].items(), key=lambda entry: -entry[1])
    print("  processors: " + ", ".join(f"{name} {share:.2f}" for name, share in used))
    if "put_records" in result:
        first, last = result["put_records"]
        print(f"  a call to send: {first * 1000:.0f} ms in the first quarter, {last * 1000:.0f} ms in the last;"
              " the emulator goes through all the records that it has")
