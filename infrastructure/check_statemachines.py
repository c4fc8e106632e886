#!/usr/bin/env python3
"""Checks statemachines/*.asl.json as AWS would when they are created.

Every expression has to parse as JSONata, and the definition has to satisfy the Amazon States
Language schema that cfn-lint carries. Needs the packages cfn-lint and jsonata-python:

    python infrastructure/check_statemachines.py

What the definitions promise beyond that is in tests/tests/definitions/.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonata

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACEHOLDER_ARN = "arn:aws:lambda:us-east-1:123456789012:function:placeholder"


def expressions(node, path=""):
    """Every `{% … %}` text below `node`, with its place."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from expressions(value, f"{path}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from expressions(value, f"{path}/{index}")
    elif isinstance(node, str) and node.startswith("{%") and node.endswith("%}"):
        yield path, node[2:-2].strip()


def numbers_for_expressions(node):
    """cfn-lint's schema wants a number where AWS also takes an expression (MaxConcurrency)."""
    if isinstance(node, dict):
        return {
            name: 1
            if name == "MaxConcurrency" and isinstance(value, str)
            else numbers_for_expressions(value)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [numbers_for_expressions(value) for value in node]
    return node


def check(path):
    """The problems of one definition."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\$\{\w+Arn\}", PLACEHOLDER_ARN, text)
    text = re.sub(r"\$\{\w+\}", "placeholder", text)
    definition = json.loads(text)
    problems = []
    for place, expression in expressions(definition):
        try:
            jsonata.Jsonata.jsonata(expression)
        except Exception as error:  # the parser raises several kinds
            problems.append(f"{place}: {error}")
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/placeholder",
                    "Definition": numbers_for_expressions(definition),
                },
            }
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "template.json"
        file.write_text(json.dumps(template, indent=1), encoding="utf-8")
        lint = subprocess.run(
            [sys.executable, "-c", "import cfnlint.runner; cfnlint.runner.main()", str(file)],
            capture_output=True, text=True, check=False,
        )
    if lint.returncode != 0:
        problems.append((lint.stdout + lint.stderr).strip())
    return problems


def main():
    failed = False
    for path in sorted((ROOT / "statemachines").glob("*.asl.json")):
        problems = check(path)
        failed = failed or bool(problems)
        print(f"{path.relative_to(ROOT)}: {'ok' if not problems else 'FAILED'}")
        for problem in problems:
            print(f"  {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
