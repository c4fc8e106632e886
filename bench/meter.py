"""CPU seconds of a local cloud: of each function, of the emulator and of Postgres."""

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
FUNCTION = b"AWS_LAMBDA_FUNCTION_NAME=shopflow-local-"
# Functions and a database that use less than this of a second are at rest. The emulator never is: it
# asks itself all the time whether there is something to do.
REST = 0.05
# Autovacuum after a large load can go on longer than anybody wants to wait.
PATIENCE = 60


class Meter:
    def __init__(self, emulator: int, postgres: int):
        self.emulator, self.postgres = emulator, postgres

    def read(self) -> dict[str, float]:
        """Seconds since the servers started, by function, and of `emulator` and `postgres`."""
        processes = every_process()
        seconds = {"emulator": 0.0, "postgres": 0.0}
        for pid, (_, own, ended) in processes.items():
            if is_within(pid, self.postgres, processes):
                # Connections that ended count for the server, which waited for them.
                seconds["postgres"] += own + (ended if pid == self.postgres else 0.0)
            elif is_within(pid, self.emulator, processes):
                name = function(pid) if pid != self.emulator else None
                name = name or "emulator"
                seconds[name] = seconds.get(name, 0.0) + own
        return seconds

    def settle(self) -> dict[str, float]:
        """Waits until what a run leaves behind (catalog, pages, autovacuum) is done, then reads."""
        before = self.read()
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            time.sleep(1)
            now = self.read()
            used = difference(now, before)
            if sum(seconds for name, seconds in used.items() if name != "emulator") < REST:
                return now
            before = now
        return before


def children_by_function(emulator: int) -> dict[str, list[Path]]:
    """The processes of each function that an emulator runs."""
    processes = every_process()
    found: dict[str, list[Path]] = {}
    for pid in processes:
        name = function(pid) if is_within(pid, emulator, processes) else None
        if name:
            found.setdefault(name, []).append(Path(f"/proc/{pid}"))
    return found


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def every_process() -> dict[int, tuple[int, float, float]]:
    return dict(filter(None, map(stat, Path("/proc").glob("[0-9]*"))))


def stat(process: Path) -> tuple[int, tuple[int, float, float]] | None:
    """Process id, then parent, seconds of its own, and those of its ended children."""
    try:
        # The name of the program, in brackets, may hold spaces.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    user, system, ended_user, ended_system = map(int, fields[11:15])
    return int(process.name), (int(fields[1]), (user + system) / TICKS, (ended_user + ended_system) / TICKS)


def is_within(pid: int, ancestor: int, processes: dict[int, tuple[int, float, float]]) -> bool:
    while pid in processes:
        if pid == ancestor:
            return True
        pid = processes[pid][0]
    return False


def function(pid: int) -> str | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    names = (line.removeprefix(FUNCTION) for line in environment if line.startswith(FUNCTION))
    return next((name.decode() for name in names), None)
