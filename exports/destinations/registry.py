"""Which destinations there are, and those that a retailer has named in `config/destinations.yml`.

    marketing:
      kind: brevo
      api_key: ${BREVO_API_KEY}

Belongs here: finding and opening destinations. What each kind needs stands in its own module as `Settings`.
"""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from exports.engine.destination import Delivery, Destination
from stammkunde.errors import ConfigError
from stammkunde.home import PROJECT_ROOT
from stammkunde.settings import nearest, read_settings

DESTINATIONS = PROJECT_ROOT / "config" / "destinations.yml"

# kind: module with `Settings` and `connect`. Imported when used: some need libraries that others do not.
_ROWS = ("brevo", "hubspot", "klaviyo", "listmonk", "mailchimp", "odoo", "rest", "salesforce", "tryton")
ROW_KINDS: dict[str, str] = {kind: f"exports.destinations.{kind}" for kind in _ROWS}
FILE_KINDS: dict[str, str] = {kind: f"exports.destinations.{kind}" for kind in ("folder", "s3", "sftp")}
_VARIABLE = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$")


def settings_of(kind: str) -> type[BaseModel]:
    """The settings model of a kind. ConfigError for an unknown kind."""
    known = {**ROW_KINDS, **FILE_KINDS}
    if kind not in known:
        raise ConfigError(f"there is no kind of destination {kind!r}; {nearest(kind, known)}")
    model: type[BaseModel] = importlib.import_module(known[kind]).Settings
    return model


def load_destinations(path: Path = DESTINATIONS, names: set[str] | None = None) -> dict[str, BaseModel]:
    """Settings of every destination of the file (of those of `names`), checked; secrets read from the
    environment.

    Raises ConfigError naming file and key. No file: no destination.
    """
    if not path.exists():
        return {}
    kinds = read_settings(path, _Kinds).root_kinds()
    chosen = {name: kind for name, kind in kinds.items() if names is None or name in names}
    try:
        models: dict[str, Any] = {name: (settings_of(kind), ...) for name, kind in chosen.items()}
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    ignored: dict[str, Any] = {name: (Any, None) for name in kinds if name not in chosen}
    model = create_model(
        "Destinations", __config__=ConfigDict(extra="forbid", frozen=True), **models, **ignored
    )
    loaded = read_settings(path, model, transform=lambda content: _filled(content, path, set(chosen)))
    return {name: getattr(loaded, name) for name in chosen}


def named_kinds(path: Path = DESTINATIONS) -> dict[str, str]:
    """Kind of every destination of the file, by name; needs no secret."""
    return read_settings(path, _Kinds).root_kinds() if path.exists() else {}


def connect(name: str, path: Path = DESTINATIONS) -> Destination:
    """Opens a row destination by its name in the file. ConfigError if it is not there or takes whole
    files.
    """
    settings = find_destination(name, path)
    if settings.kind not in ROW_KINDS:
        raise ConfigError(f"{path}: {name}: takes whole files, not rows")
    opened: Destination = importlib.import_module(ROW_KINDS[settings.kind]).connect(settings)
    return opened


def connect_delivery(name: str, path: Path = DESTINATIONS) -> Delivery:
    """Opens a file destination by its name in the file. ConfigError if it is not there or takes rows."""
    settings = find_destination(name, path)
    if settings.kind not in FILE_KINDS:
        raise ConfigError(f"{path}: {name}: takes rows, not whole files")
    opened: Delivery = importlib.import_module(FILE_KINDS[settings.kind]).connect(settings)
    return opened


def find_destination(name: str, path: Path = DESTINATIONS) -> Any:
    """Settings of one destination by its name in the file. ConfigError with the nearest name if it is not
    there.
    """
    found = load_destinations(path, {name})
    if name not in found:
        known = read_settings(path, _Kinds).root_kinds() if path.exists() else {}
        raise ConfigError(f"{path}: there is no destination {name!r}; {nearest(name, known)}")
    return found[name]


class _Kind(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str = Field(min_length=1)


class _Kinds(BaseModel):
    """Any name, each with a kind; what else a kind may say is checked by its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, _Kind] = Field(init=False)

    def root_kinds(self) -> dict[str, str]:
        return {name: entry.kind for name, entry in self.__pydantic_extra__.items()}


def _filled(content: Any, path: Path, names: set[str]) -> Any:
    """`${VAR}` values from the environment, in the destinations that are asked for."""

    def fill(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: fill(inner, f"{key}.{name}") for name, inner in value.items()}
        if isinstance(value, list):
            return [fill(inner, f"{key}.{position}") for position, inner in enumerate(value)]
        found = _VARIABLE.match(value) if isinstance(value, str) else None
        if not found:
            return value
        if found[1] not in os.environ:
            raise ConfigError(f"{path}: {key} needs the environment variable {found[1]}, which is not set")
        return os.environ[found[1]]

    return {name: fill(value, name) if name in names else None for name, value in content.items()}
