"""Reading a settings file below `config/`: YAML into a pydantic model, with errors that tell how to mend it.

Belongs here: what is the same for every such file. What a file may say stands in its own module.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from stammkunde.errors import ConfigError

Settings = TypeVar("Settings", bound=BaseModel)


class Section(BaseModel):
    """A part of a settings file: no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_settings(
    path: Path, model: type[Settings], transform: Callable[[Any], Any] | None = None
) -> Settings:
    """Reads and checks a settings file; `transform` may change its content before it is checked.

    Raises ConfigError naming the file and the key; for an unknown key or word also the nearest right one.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the settings ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(content or {}, dict):
        known = ", ".join(map(repr, model.model_fields))
        raise ConfigError(f"{path}: expected keys such as {known} at the top")
    content = transform(content or {}) if transform else content or {}
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise ConfigError("\n".join(_describe(path, model, problem) for problem in problems)) from None


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """A hint: the nearest known word, else all of them."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def _describe(path: Path, model: type[BaseModel], problem: Any) -> str:
    location = tuple(problem["loc"])
    key = ".".join(str(part) for part in location) or "top level"
    if problem["type"] == "extra_forbidden":
        known = [name for section in _sections_at(model, location[:-1]) for name in section.model_fields]
        return f"{path}: unknown key '{key}'; {nearest(str(location[-1]), known)}"
    if problem["type"] == "literal_error":
        words = [word.strip(" '") for word in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{path}: {key}: unknown word {problem['input']!r}; {nearest(str(problem['input']), words)}"
    return f"{path}: {key}: {problem['msg'].removeprefix('Value error, ')}"


def _sections_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[type[BaseModel]]:
    """The sections that a key of this location could belong to."""
    sections = [model]
    for part in location:
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        sections = [found for field in fields for found in _sections_in(field.annotation)] or sections
    return sections


def _sections_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [found for argument in typing.get_args(annotation) for found in _sections_in(argument)]
