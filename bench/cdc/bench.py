"""Changes of Postgres into the lake, beside Postgres' own client for logical decoding.

Both sides read the same changes from the same server: ShopFlow to Parquet in S3, with checkpoints and
manifests, `pg_recvlogical` with `test_decoding` to a local file. The example fails when they do not see
the same number of changes. Servers of yours (SHOPFLOW_TEST_ENDPOINT, SHOPFLOW_TEST_DATABASE_URL) need
wal_level=logical, and `pg_recvlogical` must be on the path.
"""

import sys

from cloud import servers
from common import build_examples, example, report


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    build_examples()
    with servers():
        figures = example("cdc_throughput", rows)
    report("cdc", figures["seconds"], {"pg_recvlogical": figures["peer_seconds"]}, figures["changes"] / 1000, "thousand changes/s")


main()
