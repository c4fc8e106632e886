"""Names the address of configuration over the built-in one to every function, as the parameter
ConfigUri of the template does: config_uri.py ENDPOINT URI"""

import sys

import boto3

endpoint, uri = sys.argv[1:]
functions = boto3.client(
    "lambda", endpoint_url=endpoint, region_name="us-east-1",
    aws_access_key_id="test", aws_secret_access_key="test",
)
for page in functions.get_paginator("list_functions").paginate():
    for function in page["Functions"]:
        variables = function.get("Environment", {}).get("Variables", {})
        if variables.get("SHOPFLOW_CONFIG_URI") != uri:
            functions.update_function_configuration(
                FunctionName=function["FunctionName"],
                Environment={"Variables": {**variables, "SHOPFLOW_CONFIG_URI": uri}},
            )
