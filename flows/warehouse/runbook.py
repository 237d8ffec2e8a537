"""The tables of the run book: every tenant has them in its warehouse, everybody may ask them, and only Penstock writes them."""

from __future__ import annotations

from flows.errors import SqlError
from flows.warehouse.base import Column, TableSpec

DATASET = "x_meta"


def _columns(*columns: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, description=told) for name, kind, told in columns)


RUNS = TableSpec(f"{DATASET}.x_meta_pipeline_runs", _columns(
    ("pipeline_logging_id", "STRING", "id of the run"),
    ("tenant_id", "STRING", "whose run it was"),
    ("pipeline_id", "STRING", "the pipeline that ran"),
    ("start_time", "TIMESTAMP", "when it began; NULL for a run that ended before it began"),
    ("end_time", "TIMESTAMP", "when it ended"),
    ("status", "STRING", "SUCCESS, FAILED, CANCELLED or CRASHED"),
    ("trigger_by", "STRING", "who or what asked for it"),
    ("run_date", "DATE", "the date it ran for"),
    ("total_steps", "INT64", "steps that it was to have"),
    ("completed_steps", "INT64", "steps that succeeded"),
    ("failed_steps", "INT64", "steps that failed or took too long"),
    ("error_message", "STRING", "the first error; NULL when there is none"),
    ("metadata", "JSON", "name, version, environment, params, attempt, backfill, resume_of, estimate and bytes billed"),
), partition_by="run_date", keys=("pipeline_logging_id",))
STEPS = TableSpec(f"{DATASET}.x_meta_step_logs", _columns(
    ("log_id", "STRING", "id of this line: run and step"),
    ("pipeline_logging_id", "STRING", "the run, as in x_meta_pipeline_runs"),
    ("step_id", "STRING", "id of the step in its pipeline"),
    ("step_name", "STRING", "its name for people"),
    ("start_time", "TIMESTAMP", "when it began; NULL for a step that did not run"),
    ("end_time", "TIMESTAMP", "when it ended"),
    ("status", "STRING", "SUCCESS, FAILED, TIMED_OUT, SKIPPED or CANCELLED"),
    ("rows_processed", "INT64", "rows that it gave or wrote; NULL where it has none"),
    ("error_message", "STRING", "its error, or why it did not run; NULL when there is none"),
    ("step_result", "JSON", "rows, rejected, checks, outputs and notes"),
    ("execution_metadata", "JSON", "ps_type, position, attempts, seconds, code, jobs and bytes billed"),
), partition_by="start_time", cluster_by=("pipeline_logging_id",), keys=("log_id",))
TABLES = (RUNS, STEPS)
TOLD = {RUNS.name: "every run that has ended, one line each", STEPS.name: "the steps of those runs, one line each"}
"""What the tables are, for people."""
NAMES = {spec.name.partition(".")[2]: spec.name for spec in TABLES}
"""The bare names by which they are asked, as those of the catalogue."""


def find(name: str) -> TableSpec | None:
    """The table of that name, bare or with its dataset; None for every other name."""
    return next((spec for spec in TABLES if spec.name == NAMES.get(name, name)), None)


def is_ours(name: str) -> bool:
    """Is dataset.table, or a dataset alone, in the run book's dataset?"""
    return name.partition(".")[0].casefold() == DATASET


def refuse(name: str) -> None:
    """Raises SqlError for a destination that only Penstock writes."""
    if is_ours(name):
        raise SqlError(f"{name} is kept by Penstock and is only read here", verdict="refused", code="not_allowed",
                       fix="Write to a dataset of your own")
