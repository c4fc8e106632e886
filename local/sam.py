"""The SAM CLI as a deployment to the local cloud calls it: it packs the functions without compressing them.

The packages stay on this machine, and to compress and unpack programs of 300 MB takes longer than to run them.
"""

import zipfile

from samcli.cli.main import cli

# SAM asks for this method by its name and has no option for another one.
zipfile.ZIP_DEFLATED = zipfile.ZIP_STORED

if __name__ == "__main__":
    cli(prog_name="sam")
