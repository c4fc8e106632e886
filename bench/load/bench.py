"""Five million transactions into Postgres: a first load and repeats, beside COPY and upserts.

Both sides are in load.rs, which checks that they end in the same rows. Start the servers first
(`cargo shopflow up`, then eval "$(cargo shopflow env)").
"""

import os
import subprocess
import sys

from common import REPOSITORY, TARGET, build_examples

os.environ.setdefault("SHOPFLOW_TEST_ENDPOINT", os.environ.get("AWS_ENDPOINT_URL", ""))
os.environ.setdefault("SHOPFLOW_TEST_DATABASE_URL", os.environ.get("DATABASE_URL", ""))

build_examples()
program = TARGET / "release" / "examples" / "load_bench"
rows = sys.argv[1] if len(sys.argv) > 1 else "5000000"
sys.exit(subprocess.run([program, rows], cwd=REPOSITORY).returncode)
