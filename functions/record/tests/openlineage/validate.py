"""Validates OpenLineage events (NDJSON files) against the published schemas beside this file.

    python validate.py start.ndjson finish.ndjson

Prints how many events and facets are valid; any problem is an error. Needs `jsonschema`.
"""

import datetime
import json
import pathlib
import sys
import urllib.parse

import jsonschema
import referencing

HERE = pathlib.Path(__file__).parent
FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(value):
    return datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None


@FORMATS.checks("uri", raises=ValueError)
def is_uri(value):
    return bool(urllib.parse.urlsplit(value).scheme) and " " not in value


def registry():
    files = [HERE / "OpenLineage.json", *sorted((HERE / "facets").glob("*.json"))]
    schemas = [json.loads(file.read_text()) for file in files]
    resources = [(s["$id"], referencing.Resource.from_contents(s)) for s in schemas]
    return referencing.Registry().with_resources(resources)


SCHEMAS = registry()


def problems(value, schema_url):
    """What is wrong with a value; an unknown schema is an error of its own."""
    validator = jsonschema.Draft202012Validator(
        {"$ref": schema_url}, registry=SCHEMAS, format_checker=FORMATS
    )
    try:
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    except referencing.exceptions.Unresolvable as error:
        return [f"no such schema: {error}"]


def facets(event):
    """Every facet of an event with the place where it stands."""
    holders = [("run", event["run"]), ("job", event["job"])]
    for side in ("inputs", "outputs"):
        holders += [(f"{side} {dataset['name']}", dataset) for dataset in event[side]]
    for place, holder in holders:
        for kind in ("facets", "inputFacets", "outputFacets"):
            for name, facet in holder.get(kind, {}).items():
                yield f"{place} {name}", facet


def main(files):
    found, counted, runs = [], 0, {}
    events = [json.loads(line) for file in files for line in pathlib.Path(file).read_text().splitlines()]
    for event in events:
        what = f"{event.get('eventType')} {event.get('job', {}).get('name')}"
        found += [f"{what}: {problem}" for problem in problems(event, event["schemaURL"])]
        for place, facet in facets(event):
            counted += 1
            found += [f"{what}: {place}: {p}" for p in problems(facet, facet["_schemaURL"])]
        runs.setdefault(event["run"]["runId"], []).append((event["eventTime"], event["eventType"], what))
    for told in runs.values():
        kinds = [kind for _, kind, _ in told]
        if kinds not in (["START", "COMPLETE"], ["START", "FAIL"]):
            found.append(f"{told[0][2]}: begins and ends as {kinds}")
        if told[0][0] > told[-1][0]:
            found.append(f"{told[0][2]}: ends before it begins")
    for event in events:
        parent = event["run"]["facets"].get("parent")
        if parent and parent["run"]["runId"] not in runs:
            found.append(f"{event['job']['name']}: nobody tells of its parent")
    if found or not events:
        sys.exit("\n".join(found[:50]) or "no events")
    print(f"{len(events)} events and {counted} facets are valid")


if __name__ == "__main__":
    main(sys.argv[1:])
