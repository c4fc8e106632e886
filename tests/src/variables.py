"""Gives every function variables beside those it has; without a value, one is taken away:
variables.py ENDPOINT NAME=VALUE..."""

import sys

import boto3

endpoint, *pairs = sys.argv[1:]
wanted = dict(pair.split("=", 1) for pair in pairs)
functions = boto3.client(
    "lambda", endpoint_url=endpoint, region_name="us-east-1",
    aws_access_key_id="test", aws_secret_access_key="test",
)
for page in functions.get_paginator("list_functions").paginate():
    for function in page["Functions"]:
        before = function.get("Environment", {}).get("Variables", {})
        after = {name: value for name, value in {**before, **wanted}.items()
                 if value or name not in wanted}
        if after != before:
            functions.update_function_configuration(
                FunctionName=function["FunctionName"], Environment={"Variables": after},
            )
