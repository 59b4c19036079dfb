"""`config/stammkunde.yml`: company, sources, thresholds; read, checked, with clear errors.

Secrets stand in the environment; the file names them as `${VAR}`. Paths are relative to the file.
"""

from __future__ import annotations

import difflib
import os
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from stammkunde.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Section):
    """Who the retailer is. `default_margin_pct` estimates the margin of goods whose cost is unknown."""

    name: str = "Stammkunde"
    country: Literal["DE", "AT", "CH"] = "DE"
    timezone: str = "Europe/Berlin"
    currency: str = "EUR"
    default_margin_pct: float | None = Field(default=None, ge=0, le=100)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            near = difflib.get_close_matches(value, available_timezones(), n=1)
            raise ValueError(f"{value!r} is no time zone" + (f"; did you mean {near[0]!r}?" if near else ""))
        return value


class ShopSource(_Section):
    """Shop tills: folder of DSFinV-K exports, folder of loyalty card files."""

    dsfinvk: Path | None = None
    loyalty: Path | None = None


class BranchSource(_Section):
    """Branch ERP: any SQLAlchemy URL; it may hold a password, so it is treated as a secret."""

    url: SecretStr
    schema_name: str | None = Field(default=None, alias="schema")


class ShopwareWebshop(_Section):
    """Shopware 6 Admin API."""

    platform: Literal["shopware"]
    url: str
    client_id: str
    client_secret: SecretStr
    page_size: int = Field(default=500, ge=1, le=500)


class FilesWebshop(_Section):
    """The shop's own exports in a folder, CSV or Parquet."""

    platform: Literal["files"]
    path: Path


class FolderSource(_Section):
    """Files in a folder."""

    path: Path


class Sources(_Section):
    """A source that is left out is simply absent."""

    shop: ShopSource | None = None
    branch: BranchSource | None = None
    webshop: Annotated[ShopwareWebshop | FilesWebshop, Field(discriminator="platform")] | None = None
    leads: FolderSource | None = None
    touchpoints: FolderSource | None = None


class Scores(_Section):
    """Horizons of the predictions, in days, and the yearly rate at which later money counts less.

    A customer has left who stays away for the horizon and for `churn_rhythm_gaps` of their own usual gaps
    (null: for the horizon, whatever the rhythm). Looked at are those who bought within `churn_active_days`.
    """

    churn_horizon_days: int = Field(default=91, ge=7)
    churn_rhythm_gaps: float | None = Field(default=2.0, gt=0)
    churn_active_days: int = Field(default=365, ge=28)
    clv_horizon_days: int = Field(default=365, ge=28)
    clv_discount_rate_pct: float = Field(default=10.0, ge=0, lt=100)


class Publish(_Section):
    """How many published versions are kept."""

    keep_versions: int = Field(default=5, ge=1)


class Config(_Section):
    """The whole configuration. `as_of` fixes the day of every run (the demo uses it)."""

    company: Company = Company()
    sources: Sources = Sources()
    scores: Scores = Scores()
    publish: Publish = Publish()
    as_of: date | None = None
    demo: bool = False
    """Set by the demo retailer: its servers are started for a run and stopped after it."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.company.timezone)


def load_config(path: Path) -> Config:
    """Reads and checks the configuration.

    Raises ConfigError naming the file and the key; for an unknown key also the nearest right one, for a
    missing variable its name, never a value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the configuration ({error.strerror})") from error
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise ConfigError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys such as 'company' and 'sources' at the top")
    content = _expand(content, path, "")
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_describe(error, path)) from None
    return _resolve_paths(config, path.resolve().parent)


def _expand(value: Any, path: Path, key: str) -> Any:
    if isinstance(value, dict):
        return {k: _expand(v, path, f"{key}.{k}" if key else str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, path, f"{key}[{i}]") for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ConfigError(f"{path}: {key} needs the environment variable {name}, which is not set")
        return os.environ[name]

    return _VARIABLE.sub(replace, value)


def _models_at(location: tuple[Any, ...]) -> list[type[BaseModel]]:
    """The section models that a key of this location could belong to."""
    models: list[type[BaseModel]] = [Config]
    for part in location:
        found: list[type[BaseModel]] = []
        for model in models:
            field = model.model_fields.get(str(part))
            if field is not None:
                found += _models_in(field.annotation)
        tagged: dict[str, type[BaseModel]] = {"shopware": ShopwareWebshop, "files": FilesWebshop}
        if not found and part in tagged:
            found = [tagged[part]]
        models = found
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]


def _describe(error: ValidationError, path: Path) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        location = problem["loc"]
        key = ".".join(str(p) for p in location if p not in ("shopware", "files"))
        if problem["type"] == "extra_forbidden":
            known = [f.alias or n for m in _models_at(location[:-1]) for n, f in m.model_fields.items()]
            near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
            lines.append(f"{path}: unknown key '{key}'; {hint}")
        else:
            lines.append(f"{path}: {key}: {problem['msg']}")
    return "\n".join(lines)


def _resolve_paths(config: Config, base: Path) -> Config:
    def resolve(section: Any) -> Any:
        if isinstance(section, BaseModel):
            changes = {
                name: resolve(value)
                for name in type(section).model_fields
                if isinstance(value := getattr(section, name), BaseModel | Path)
            }
            return section.model_copy(update=changes)
        if isinstance(section, Path):
            return (base / section.expanduser()).resolve()
        return section

    resolved = resolve(config)
    assert isinstance(resolved, Config)
    return resolved
