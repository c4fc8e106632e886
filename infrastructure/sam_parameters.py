#!/usr/bin/env python3
"""Prints the template's parameters of every environment of samconfig.toml as JSON, as SAM reads them.

SAM itself parses: what it does not understand in `parameter_overrides` it drops without a word, and
the stack is then deployed with the template's default. Needs the package aws-sam-cli:

    python infrastructure/sam_parameters.py

The tests in tests/tests/definitions/ compare this with the text of samconfig.toml and with template.yaml.
"""

import json
import os
import pathlib
import sys

# Before SAM is imported: it would report its use.
os.environ["SAM_CLI_TELEMETRY"] = "0"

from samcli.commands.deploy.command import cli as deploy
from samcli.lib.config.samconfig import SamConfig

ROOT = pathlib.Path(__file__).resolve().parent.parent


def environments(folder):
    """Names of the environments that can be deployed."""
    config = SamConfig(folder)
    names = config.get_stage_configuration_names()
    return [name for name in names if config.get_all(["deploy"], "parameters", name)]


def parameters(folder, environment):
    """What `sam deploy --config-env` passes to CloudFormation for an environment."""
    context = deploy.make_context("deploy", [
        "--config-env", environment,
        "--config-file", str(folder / "samconfig.toml"),
        "--template-file", str(ROOT / "template.yaml"),
    ])
    return dict(context.params["parameter_overrides"])


def main():
    folder = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    found = {name: parameters(folder, name) for name in environments(folder)}
    json.dump(found, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
