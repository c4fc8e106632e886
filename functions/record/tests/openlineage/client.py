"""Reads OpenLineage events (NDJSON files) with the classes of OpenLineage's own Python client.

    pip install openlineage-python==1.54.0
    python client.py start.ndjson finish.ndjson

A second reader beside validate.py: a facet or field that the client does not know, a facet of
another schema version than the client's, or an id that is no UUID, is an error.
"""

import json
import pathlib
import sys

import attr
from openlineage.client import event_v2 as events
from openlineage.client.generated import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    source_code_location_job,
)
from openlineage.client.serde import Serde

FACETS = {
    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet,
    "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
    "dataQualityMetrics": data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "nominalTime": nominal_time_run.NominalTimeRunFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "parent": parent_run.ParentRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    "schema": schema_dataset.SchemaDatasetFacet,
    "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
}
counted = 0


def facets(holder, kind="facets"):
    global counted
    read = {}
    for name, fields in holder.get(kind, {}).items():
        known = {field.name for field in attr.fields(FACETS[name])}
        own = {key: value for key, value in fields.items() if not key.startswith("_")}
        if unknown := set(own) - known:
            sys.exit(f"{name}: the client does not know {sorted(unknown)}")
        read[name] = FACETS[name](**own)
        if read[name]._get_schema() != fields["_schemaURL"]:
            sys.exit(f"{name}: the client has {read[name]._get_schema()}, not {fields['_schemaURL']}")
        counted += 1
    return read


def dataset(of, kind, event):
    rest = {kind: facets(event, kind)}
    return of(namespace=event["namespace"], name=event["name"], facets=facets(event), **rest)


def read(event):
    run, job = event["run"], event["job"]
    return events.RunEvent(
        eventType=events.RunState(event["eventType"]),
        eventTime=event["eventTime"],
        run=events.Run(runId=run["runId"], facets=facets(run)),
        job=events.Job(namespace=job["namespace"], name=job["name"], facets=facets(job)),
        inputs=[dataset(events.InputDataset, "inputFacets", one) for one in event["inputs"]],
        outputs=[dataset(events.OutputDataset, "outputFacets", one) for one in event["outputs"]],
        producer=event["producer"],
    )


lines = [line for file in sys.argv[1:] for line in pathlib.Path(file).read_text().splitlines()]
for line in lines:
    Serde.to_json(read(json.loads(line)))
print(f"{len(lines)} events and {counted} facets read")
