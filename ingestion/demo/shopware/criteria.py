"""Shopware's search criteria as SQL: page, limit, ids, filters, sorting, total count.

Belongs here: the meaning of the criteria and their errors. Does not belong here: which fields an entity has
(`entities.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from ingestion.demo.shopware.errors import ApiError

MAX_LIMIT = 500
DEFAULT_LIMIT = 500

FieldKind = Literal["text", "number", "instant", "boolean"]
TOTAL_COUNT_MODES = {"none": 0, "exact": 1, "next-pages": 2}


@dataclass(frozen=True)
class SqlField:
    """Where a field of an entity stands in the store, and what it holds."""

    expression: str
    kind: FieldKind = "text"


@dataclass
class Criteria:
    """A search on one entity as parts of a SQL statement; values are parameters."""

    entity: str
    fields: dict[str, SqlField]
    where: str = "TRUE"
    parameters: list[Any] = field(default_factory=list)
    order_by: str = ""
    page: int = 1
    limit: int = DEFAULT_LIMIT
    total_count_mode: int = 0
    associations: dict[str, Any] = field(default_factory=dict)
    includes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


def parse(entity: str, fields: dict[str, SqlField], body: dict[str, Any]) -> Criteria:
    """Reads the body of a search request. Raises ApiError as Shopware does."""
    criteria = Criteria(entity, fields)
    criteria.limit = _positive(body.get("limit", DEFAULT_LIMIT), "limit")
    if criteria.limit > MAX_LIMIT:
        detail = f"The limit must be lower than or equal to MAX_LIMIT(={MAX_LIMIT}). Given: {criteria.limit}"
        raise ApiError(400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED", detail)
    criteria.page = _positive(body.get("page", 1), "page")
    mode = body.get("total-count-mode", 0)
    criteria.total_count_mode = TOTAL_COUNT_MODES.get(str(mode), mode if mode in (0, 1, 2) else 0)
    conditions = [_filter(criteria, f) for f in _list(body, "filter") + _list(body, "post-filter")]
    if ids := _ids(body.get("ids")):
        conditions.append(_in(criteria, _field(criteria, "id"), ids))
    criteria.where = " AND ".join(conditions) or "TRUE"
    criteria.order_by = ", ".join([*(_sort(criteria, s) for s in _list(body, "sort")), "id"])
    criteria.associations = _mapping(body, "associations")
    criteria.includes = _mapping(body, "includes")
    return criteria


def _positive(value: Any, name: str) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        detail = f"The {name} parameter must be a positive integer greater or equals than 1. Given: {value}"
        raise ApiError(400, f"FRAMEWORK__INVALID_{name.upper()}_QUERY", detail)
    return value


def _list(body: dict[str, Any], key: str) -> list[Any]:
    value = body.get(key) or []
    if not isinstance(value, list):
        raise ApiError(
            400, f"FRAMEWORK__INVALID_{key.upper()}_QUERY", f"The {key} parameter has to be a list."
        )
    return value


def _mapping(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise ApiError(400, "FRAMEWORK__INVALID_CRITERIA", f"The {key} parameter has to be an object.")
    return value


def _ids(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split("|")
    return [str(v) for v in value or []]


def _field(criteria: Criteria, name: Any) -> SqlField:
    path = str(name).removeprefix(f"{criteria.entity}.")
    if path not in criteria.fields:
        detail = f'Field "{path}" in entity "{criteria.entity}" was not found.'
        raise ApiError(400, "FRAMEWORK__UNMAPPED_FIELD", detail)
    return criteria.fields[path]


def _value(criteria: Criteria, found: SqlField, value: Any) -> str:
    """Adds a parameter; returns its placeholder."""
    try:
        if found.kind == "instant" and value is not None:
            instant = datetime.fromisoformat(str(value))
            value = instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
        elif found.kind == "number" and value is not None:
            value = float(value) if isinstance(value, float) else int(value)
    except ValueError as error:
        raise ApiError(400, "FRAMEWORK__INVALID_FILTER_QUERY", f"The value {value!r} is invalid.") from error
    criteria.parameters.append(value)
    return f"${len(criteria.parameters)}"


def _in(criteria: Criteria, found: SqlField, values: list[Any]) -> str:
    places = ", ".join(_value(criteria, found, v) for v in values)
    return f"{found.expression} IN ({places})" if places else "FALSE"


def _filter(criteria: Criteria, query: Any) -> str:
    kind = query.get("type") if isinstance(query, dict) else None
    if kind in ("multi", "not", "and", "or"):
        operator = "OR" if kind == "or" or str(query.get("operator", "and")).lower() == "or" else "AND"
        inner = f" {operator} ".join(_filter(criteria, q) for q in _list(query, "queries")) or "TRUE"
        return f"NOT coalesce(({inner}), FALSE)" if kind == "not" else f"({inner})"
    if kind not in ("equals", "equalsAny", "range", "contains", "prefix", "suffix"):
        detail = f"The filter type {kind!r} is not supported."
        raise ApiError(400, "FRAMEWORK__INVALID_FILTER_QUERY", detail)
    found = _field(criteria, query.get("field"))
    expression = found.expression
    if kind == "range":
        return _range(criteria, found, query.get("parameters"))
    if "value" not in query:
        detail = f'The value for filter "{query.get("field")}" must be set.'
        raise ApiError(400, "FRAMEWORK__INVALID_FILTER_QUERY", detail)
    value = query["value"]
    if kind == "equals":
        return f"{expression} IS NOT DISTINCT FROM {_value(criteria, found, value)}"
    if kind == "equalsAny":
        return _in(criteria, found, value.split("|") if isinstance(value, str) else list(value))
    function = {"contains": "contains", "prefix": "starts_with", "suffix": "ends_with"}[kind]
    criteria.parameters.append(str(value).lower())
    return f"{function}(lower(CAST({expression} AS varchar)), ${len(criteria.parameters)})"


def _range(criteria: Criteria, found: SqlField, bounds: Any) -> str:
    operators = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
    if not isinstance(bounds, dict) or not bounds or not set(bounds) <= set(operators):
        detail = "A range filter needs parameters out of gte, gt, lte, lt."
        raise ApiError(400, "FRAMEWORK__INVALID_RANGE_FILTER_PARAM", detail)
    parts = [f"{found.expression} {operators[k]} {_value(criteria, found, v)}" for k, v in bounds.items()]
    return f"({' AND '.join(parts)})"


def _sort(criteria: Criteria, sorting: Any) -> str:
    if not isinstance(sorting, dict) or not sorting.get("field"):
        raise ApiError(400, "FRAMEWORK__INVALID_SORT_QUERY", "A sorting needs a field.")
    # MySQL puts null first when it sorts upwards, last when downwards.
    is_descending = str(sorting.get("order", "ASC")).upper() == "DESC"
    direction = "DESC NULLS LAST" if is_descending else "ASC NULLS FIRST"
    return f"{_field(criteria, sorting['field']).expression} {direction}"
