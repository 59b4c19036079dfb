"""Syncs: which columns of which mart go where, under which consent; one YAML file each in `exports/syncs/`.

Belongs here: reading and checking these files. Does not belong here: deciding on consent
(`exports/consent.py`) or writing (`exports/destinations/`).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from exports.legal_bases import BasisName
from stammkunde.errors import ConfigError

SYNCS = Path(__file__).resolve().parent / "syncs"

Scalar = str | bool | int
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# Plain words only: a header is never taken for a formula and needs no quotes.
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Consent(_Section):
    """The consent that every exported customer must have given.

    `legal_bases` also lets through who said nothing, where `config/consent.yml` switches the basis on.
    """

    channel: Literal["email", "phone", "post"]
    purpose: Name
    legal_bases: list[BasisName] = []

    @model_validator(mode="after")
    def _bases_fit_the_channel(self) -> Consent:
        for basis in self.legal_bases:
            if not basis.endswith(f"_{self.channel}"):
                raise ValueError(f"legal_bases: {basis} is not for the channel {self.channel}")
        return self


class Condition(_Section):
    """One condition on a column; all conditions of a sync hold together."""

    column: Name
    equals: Scalar | None = None
    one_of: Annotated[list[Scalar], Field(min_length=1)] | None = None
    present: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Condition:
        if sum(value is not None for value in (self.equals, self.one_of, self.present)) != 1:
            raise ValueError("give exactly one of equals, one_of, present")
        return self


class FileDestination(_Section):
    """Files in `STAMMKUNDE_HOME/exports/<sync>/latest/`. Delimiter and encoding are those of the CSV file."""

    kind: Literal["file"]
    formats: Annotated[list[Literal["csv", "parquet"]], Field(min_length=1)]
    delimiter: Literal[",", ";", "\t"] = ","
    encoding: Literal["utf-8", "utf-8-sig", "cp1252"] = "utf-8"


class Sync(_Section):
    """One sync. `mapping` is column of the mart → field at the destination; `key` identifies a row."""

    name: Name
    description: str = ""
    exposure: Name
    model: Name
    key: Name
    mapping: dict[Name, FieldName] = Field(min_length=1)
    consent: Consent
    destination: FileDestination
    filter: list[Condition] = []

    @field_validator("mapping")
    @classmethod
    def _fields_are_distinct(cls, mapping: dict[str, str]) -> dict[str, str]:
        twice = sorted({f for f in mapping.values() if list(mapping.values()).count(f) > 1})
        if twice:
            raise ValueError(f"two columns are mapped to the field {twice[0]!r}")
        return mapping

    @model_validator(mode="after")
    def _key_is_mapped(self) -> Sync:
        if self.key not in self.mapping:
            raise ValueError(f"the key {self.key!r} must be one of the mapped columns")
        return self


def load_sync(path: Path) -> Sync:
    """Reads and checks one sync.

    Raises ConfigError naming the file and the key, for an unknown key also the nearest right one.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the sync ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise ConfigError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys such as 'name' and 'mapping' at the top")
    try:
        sync = Sync.model_validate(content)
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(problem, path) for problem in error.errors())) from None
    if sync.name != path.stem:
        raise ConfigError(f"{path}: name: is {sync.name!r}, but the file is named {path.stem!r}")
    return sync


def load_syncs(directory: Path = SYNCS) -> dict[str, Sync]:
    """All syncs of a directory, by name."""
    return {path.stem: load_sync(path) for path in sorted(directory.glob("*.yml"))}


def find_sync(name: str, directory: Path = SYNCS) -> Sync:
    """The sync of that name; ConfigError with the nearest name if there is none."""
    path = directory / f"{name}.yml"
    known = sorted(p.stem for p in directory.glob("*.yml"))
    if name not in known:
        raise ConfigError(f"{path}: there is no such sync{nearest(name, known)}")
    return load_sync(path)


def nearest(name: str, known: list[str]) -> str:
    """The hint that ends a message about an unknown name."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"


_SECTIONS: dict[str, type[BaseModel]] = {
    "consent": Consent,
    "destination": FileDestination,
    "filter": Condition,
}


def _describe(problem: Any, path: Path) -> str:
    location = problem["loc"]
    key = ".".join(str(part) for part in location)
    if problem["type"] == "extra_forbidden":
        section = _SECTIONS[str(location[0])] if len(location) > 1 else Sync
        return f"{path}: unknown key '{key}'{nearest(str(location[-1]), list(section.model_fields))}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {key}: {message}" if key else f"{path}: {message}"
