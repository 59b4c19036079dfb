"""Syncs: which columns of which mart go where, under which consent; one YAML file each in `exports/syncs/`.

Belongs here: reading and checking these files. Does not belong here: deciding on consent
(`exports/consent.py`), what changed (`exports/engine/`) or writing (`exports/destinations/`).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from exports.legal_bases import BasisName
from stammkunde.errors import ConfigError
from stammkunde.settings import Section, read_settings

SYNCS = Path(__file__).resolve().parent / "syncs"
SCHEMA = SYNCS / "sync.schema.json"

Scalar = str | bool | int | float
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# Plain words only: a header is never taken for a formula and needs no quotes.
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$")]
FieldType = Literal["text", "number", "integer", "boolean", "date", "instant", "list"]


class Consent(Section):
    """The consent that every exported customer must have given.

    `legal_bases` also lets through who said nothing, where `config/consent.yml` switches the basis on.
    """

    channel: Literal["email", "phone", "post"]
    purpose: Name
    legal_bases: tuple[BasisName, ...] = ()

    @model_validator(mode="after")
    def _bases_fit_the_channel(self) -> Consent:
        for basis in self.legal_bases:
            if not basis.endswith(f"_{self.channel}"):
                raise ValueError(f"legal_bases: {basis} is not for the channel {self.channel}")
        return self


class Condition(Section):
    """One condition on a column; all conditions of a sync hold together. Null fulfils none."""

    column: Name
    equals: Scalar | None = None
    one_of: Annotated[list[Scalar], Field(min_length=1)] | None = None
    present: Literal[True] | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Condition:
        given = (self.equals, self.one_of, self.present, self.at_least, self.at_most)
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of equals, one_of, present, at_least, at_most")
        return self


class Mapped(Section):
    """Where a column goes. `fill_empty` leaves a field alone that the destination has filled already."""

    field: FieldName
    type: FieldType | None = None
    write: Literal["overwrite", "fill_empty"] = "overwrite"


class Guards(Section):
    """What a run may do at most; beyond it nothing but opt-outs and erasures is sent until somebody accepts.

    `max_removed_pct`, `max_added_pct`: share of the contacts that the destination has from this sync. They
    and the shrinking of the source count from `min_contacts` on, so that small lists can change freely.
    """

    max_deletes: int | None = Field(default=None, ge=0)
    max_creates: int | None = Field(default=None, ge=0)
    max_removed_pct: float = Field(default=10, ge=0, le=100)
    max_added_pct: float = Field(default=100, ge=0)
    max_rejected_pct: float = Field(default=20, ge=0, le=100)
    min_contacts: int = Field(default=100, ge=0)


class Rate(Section):
    """Slower than the vendor allows: at most so many requests in so many seconds."""

    requests: int = Field(ge=1)
    seconds: float = Field(gt=0)


class HoldOut(Section):
    """A share of the segment that is never sent, to measure against. Other `name`, other customers."""

    name: Name
    share_pct: float = Field(gt=0, lt=100)


class FileDestination(Section):
    """Files in `STAMMKUNDE_HOME/exports/<sync>/latest/`. Delimiter and encoding are those of the CSV file.

    `deliver_to` names a file destination of `config/destinations.yml` that gets a copy (folder, SFTP, S3).
    """

    kind: Literal["file"]
    formats: Annotated[list[Literal["csv", "parquet", "jsonl"]], Field(min_length=1)]
    delimiter: Literal[",", ";", "\t"] = ","
    encoding: Literal["utf-8", "utf-8-sig", "cp1252"] = "utf-8"
    deliver_to: Name | None = None


class Sync(Section):
    """One sync. `mapping` is column of the mart → field at the destination; `key` identifies a row.

    `destination`: files, or the name of a destination in `config/destinations.yml`. `mode` says what happens
    to a contact that leaves the segment: it stays (upsert, update), is removed (mirror) or archived
    (archive), the last two only if this sync created it; `update` never creates. `foreign` says what mirror
    and archive do with a contact that was there before: leave it alone (skip) or update its fields.
    """

    name: Name
    description: str = ""
    exposure: Name
    model: Name
    key: Name
    identity: Name | None = None
    mode: Literal["upsert", "update", "mirror", "archive"] = "upsert"
    foreign: Literal["skip", "update"] = "skip"
    mapping: Annotated[dict[Name, Mapped], Field(min_length=1)]
    consent: Consent
    destination: FileDestination | Name
    filter: tuple[Condition, ...] = ()
    guards: Guards = Guards()
    rate: Rate | None = None
    hold_out: HoldOut | None = None
    on_reject: Literal["quarantine", "stop"] = "quarantine"
    schedule: str | None = Field(default=None, pattern=r"^(\S+ ){4}\S+$")

    @field_validator("destination", mode="wrap")
    @classmethod
    def _one_kind_of_destination(cls, value: Any, handler: Any) -> Any:
        # Without this, an error in a file destination would be told as "not a name", too.
        return FileDestination.model_validate(value) if isinstance(value, dict) else handler(value)

    @field_validator("mapping", mode="before")
    @classmethod
    def _field_alone_is_enough(cls, mapping: Any) -> Any:
        if not isinstance(mapping, dict):
            return mapping
        return {c: {"field": to} if isinstance(to, str) else to for c, to in mapping.items()}

    @field_validator("mapping")
    @classmethod
    def _fields_are_distinct(cls, mapping: dict[str, Mapped]) -> dict[str, Mapped]:
        names = [mapped.field for mapped in mapping.values()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two columns are mapped to the field {twice[0]!r}")
        return mapping

    @model_validator(mode="after")
    def _key_and_identity(self) -> Sync:
        if self.is_file:
            if self.key not in self.mapping:
                raise ValueError(f"the key {self.key!r} must be one of the mapped columns")
            return self
        if self.key != "customer_id":
            raise ValueError("key: a destination that keeps contacts needs the key 'customer_id'")
        if self.identity is None:
            raise ValueError("identity: name the column with the address, usually 'email'")
        return self

    @property
    def is_file(self) -> bool:
        """Whether whole files are written instead of rows."""
        return isinstance(self.destination, FileDestination)

    @property
    def file(self) -> FileDestination:
        """The file destination; only for a sync of files."""
        assert isinstance(self.destination, FileDestination)
        return self.destination

    @property
    def address(self) -> str:
        """The column with the address of the consent's channel, if the model has it."""
        return self.identity or {"email": "email", "phone": "phone", "post": "street"}[self.consent.channel]

    @property
    def fields(self) -> dict[str, str]:
        """Column of the mart: field at the destination."""
        return {column: mapped.field for column, mapped in self.mapping.items()}

    @property
    def fill_empty(self) -> list[str]:
        """Fields that are only filled where they are empty."""
        return [mapped.field for mapped in self.mapping.values() if mapped.write == "fill_empty"]

    @property
    def mapping_version(self) -> str:
        """Changes when fields, types or ways of writing change, so that every row goes out again."""
        content = {column: mapped.model_dump() for column, mapped in self.mapping.items()}
        return hashlib.sha256(json.dumps([self.identity, content]).encode()).hexdigest()[:12]


def load_sync(path: Path) -> Sync:
    """Reads and checks one sync.

    Raises ConfigError naming the file and the key, for an unknown key also the nearest right one.
    """
    sync = read_settings(path, Sync)
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


def json_schema() -> str:
    """The JSON schema of a sync file, for editors; kept in `exports/syncs/sync.schema.json`."""
    schema = Sync.model_json_schema()
    either = [{"$ref": "#/$defs/Mapped"}, {"type": "string"}]
    schema["properties"]["mapping"]["patternProperties"] = {"^[a-z][a-z0-9_]*$": {"anyOf": either}}
    return json.dumps(schema, indent=2) + "\n"


def nearest(name: str, known: list[str]) -> str:
    """The hint that ends a message about an unknown name."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"
