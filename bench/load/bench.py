"""Five million transactions into Postgres: a first load and repeats, beside COPY and upserts.

Both sides are in load.rs, which checks that they end in the same rows.
"""

import subprocess
import sys

from cloud import servers
from common import REPOSITORY, TARGET, build_examples


def main() -> None:
    rows = sys.argv[1] if len(sys.argv) > 1 else "5000000"
    build_examples()
    program = TARGET / "release" / "examples" / "load_bench"
    with servers():
        subprocess.run([program, rows], cwd=REPOSITORY, check=True)


main()
