"""JSON templates: placeholders such as `{key}` and `{fields.city}` in texts, at any depth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from exports.destinations import common

_PLACE = re.compile(r"\{(key|identity|remote_id|rows|fields|fields\.[^{}]+)\}")


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its values. A text that is one placeholder becomes the value with its type."""
    if isinstance(template, Mapping):
        return {name: filled(inner, values) for name, inner in template.items()}
    if isinstance(template, list):
        return [filled(inner, values) for inner in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole:
        return _value(whole[1], values)
    return _PLACE.sub(lambda place: common.as_text(_value(place[1], values)), template)


def path(template: str, values: Mapping[str, Any]) -> str:
    """A path with its values quoted."""
    return _PLACE.sub(lambda place: quote(common.as_text(_value(place[1], values)), safe=""), template)


def names(template: Any) -> set[str]:
    """Keys of a template, in lower case, at any depth."""
    if isinstance(template, Mapping):
        return {str(name).lower() for name in template} | {n for v in template.values() for n in names(v)}
    return {name for item in template for name in names(item)} if isinstance(template, list) else set()


def at(body: Any, path: str) -> Any:
    """What lies at a path of names with dots between; None if there is nothing."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def _value(name: str, values: Mapping[str, Any]) -> Any:
    return values["fields"].get(name.removeprefix("fields.")) if "." in name else values[name]
