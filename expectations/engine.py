"""Runs a Great Expectations suite over a table in bounded memory.

Only the columns that the suite needs are read, in chunks; the counts of the chunks are added up and the share
of failures that a rule tolerates (`mostly`) is applied to the total. No row is sampled away.

Great Expectations is imported inside the functions: the import takes seconds and only a check needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.results import CheckResult, Dimension, Severity, quality_pct

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition

VECTORS_PER_CHUNK = 245  # DuckDB hands over vectors of 2,048 rows: half a million rows at a time

_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}  # counts, no values


@dataclass
class _Tally:
    """Sums over the chunks of one expectation."""

    rule: str
    severity: Severity
    mostly: float
    dimension: Dimension = "validity"
    checked: int = 0
    failed: int = 0
    error: str = ""


class Checker:
    """Holds one ephemeral Great Expectations context for all tables of a border."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        self._data_source = context.data_sources.add_pandas("duckdb")
        self._batches: dict[str, BatchDefinition] = {}

    def check(
        self, source: str, table_name: str, frames: Iterator[pd.DataFrame], suite: ExpectationSuite
    ) -> list[CheckResult]:
        """Validates every frame against the suite; one result per expectation, in the suite's order.

        Each expectation carries `meta["rule"]`. `meta["checked"]` and `meta["failed"]` may name columns of a
        one-row frame of aggregates that hold the counts. An exception inside Great Expectations is a failure.
        """
        tallies: list[_Tally] = []
        for frame in frames:
            outcome = self._batch(f"{source}.{table_name}", frame).validate(
                suite, result_format=_RESULT_FORMAT
            )
            if not tallies:
                tallies = [_tally(result.expectation_config) for result in outcome.results]
            for tally, result in zip(tallies, outcome.results, strict=True):
                _add(tally, result, frame)
        return [_result(source, table_name, tally) for tally in tallies]

    def _batch(self, name: str, frame: pd.DataFrame) -> Any:
        if name not in self._batches:
            asset = self._data_source.add_dataframe_asset(name)
            self._batches[name] = asset.add_batch_definition_whole_dataframe(name)
        return self._batches[name].get_batch({"dataframe": frame})


def read_frames(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[pd.DataFrame]:
    """The result of a query as frames of at most half a million rows; an empty result is one empty frame."""
    cursor = connection.execute(query)
    frame = cursor.fetch_df_chunk(VECTORS_PER_CHUNK)
    yield frame
    while len(frame):
        frame = cursor.fetch_df_chunk(VECTORS_PER_CHUNK)
        if len(frame):
            yield frame


def select_list(columns: Mapping[str, str]) -> str:
    """The projection of a check: name as the suite knows it → SQL expression."""
    return ", ".join(f"{expression} as {name}" for name, expression in columns.items())


def _tally(configuration: Any) -> _Tally:
    severity: Severity = "error" if configuration.severity == "critical" else "warn"
    mostly = float(configuration.kwargs.get("mostly") or 1.0)
    meta = configuration.meta
    return _Tally(meta["rule"], severity, mostly, meta.get("dimension", "validity"))


def _add(tally: _Tally, result: Any, frame: pd.DataFrame) -> None:
    error = _exception(result.exception_info)
    meta = result.expectation_config.meta
    if error:
        tally.error = error
        tally.checked += len(frame)
        tally.failed += len(frame)
    elif "failed" in meta:
        tally.checked += int(frame[meta["checked"]].iloc[0])
        tally.failed += int(frame[meta["failed"]].iloc[0])
        if not result.success and tally.failed == 0:
            tally.error = "the counts contradict the expectation"
    else:
        tally.checked += int(result.result["element_count"]) - int(result.result.get("missing_count") or 0)
        tally.failed += int(result.result["unexpected_count"])


def _exception(information: dict[str, Any]) -> str:
    """Kind of the exception inside Great Expectations, or nothing; never its text, which may hold values."""
    if not information:
        return ""
    entries = [information] if "raised_exception" in information else list(information.values())
    for entry in entries:
        if entry.get("raised_exception"):
            last_line = str(entry.get("exception_traceback") or "").strip().rpartition("\n")[2]
            return last_line.partition(":")[0].rpartition(".")[2] or "unknown exception"
    return ""


def _result(source: str, table_name: str, tally: _Tally) -> CheckResult:
    passed = not tally.error and (
        tally.checked == 0 or (tally.checked - tally.failed) / tally.checked >= tally.mostly
    )
    details = f"{tally.failed:,} of {tally.checked:,} fail"
    if tally.mostly < 1:
        details += f", up to {round(100 * (1 - tally.mostly), 4):g} % are tolerated"
    if tally.error:
        details = f"the check itself failed ({tally.error})"
    return CheckResult(
        source, table_name, tally.rule, tally.severity, tally.checked, tally.failed,
        quality_pct(tally.checked, tally.failed), passed, details, tally.dimension,
    )  # fmt: skip
