#!/usr/bin/env python3
"""Runs one benchmark: python3 bench/run.py <topic> [arguments].

`python3 bench/run.py --install <topic>` only installs its peers and prints the interpreter that has them.

Each topic is a folder with a bench.py that runs ShopFlow and its peers in the same run, checks that
they answer alike, and prints both figures and the ratio. The peers come, at pinned versions, from the
topic's requirements.txt into an environment of its own.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parent
ENVIRONMENTS = Path(os.environ.get("SHOPFLOW_HOME", REPOSITORY / ".shopflow")) / "bench"


def topics() -> list[str]:
    return sorted(path.parent.name for path in BENCH.glob("*/bench.py"))


def ensure_environment(topic: str) -> Path:
    """Installs the pinned peers of a topic unless they are there; the path of the interpreter."""
    requirements = BENCH / topic / "requirements.txt"
    if not requirements.exists():
        return Path(sys.executable)
    environment = ENVIRONMENTS / topic
    stamp = environment / "installed.txt"
    python = environment / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        print(f"installing the peers of {requirements.relative_to(REPOSITORY)}", file=sys.stderr)
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        stamp.write_text(requirements.read_text())
    return python


def main() -> int:
    if len(sys.argv) == 3 and sys.argv[1] == "--install" and sys.argv[2] in topics():
        print(ensure_environment(sys.argv[2]))
        return 0
    if len(sys.argv) < 2 or sys.argv[1] not in topics():
        print(f"usage: bench/run.py <{'|'.join(topics())}> [arguments]", file=sys.stderr)
        return 2
    python = ensure_environment(sys.argv[1])
    environment = dict(os.environ, PYTHONPATH=str(BENCH))
    script = BENCH / sys.argv[1] / "bench.py"
    return subprocess.run([python, script, *sys.argv[2:]], cwd=REPOSITORY, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
