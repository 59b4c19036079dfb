"""`config/segments.yml`: segments, value classes, risk bands and strategies; read and checked."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stammkunde.errors import ConfigError
from stammkunde.home import PROJECT_ROOT

SETTINGS_FILE = PROJECT_ROOT / "config" / "segments.yml"
Strategy = Literal["grow", "keep", "win_back", "serve_cheaper"]
Score = Annotated[int, Field(ge=1, le=5)]
Days = Annotated[int, Field(ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shares(_Section):
    """Shares of all customer value, in percent."""

    a: float = Field(default=50, gt=0, lt=100)
    b: float = Field(default=40, gt=0, lt=100)

    @model_validator(mode="after")
    def _leaves_room(self) -> Shares:
        if self.a + self.b > 100:
            raise ValueError("a and b together exceed 100 percent")
        return self


class RiskBands(_Section):
    """Churn probabilities from which a customer is at medium and at high risk."""

    medium: float = Field(default=0.3, gt=0, lt=1)
    high: float = Field(default=0.6, gt=0, lt=1)

    @model_validator(mode="after")
    def _in_order(self) -> RiskBands:
        if self.medium >= self.high:
            raise ValueError("medium must be below high")
        return self


class Conditions(_Section):
    """Bounds, both inclusive. A column without a value (null) meets no bound."""

    recency_score_min: Score | None = None
    recency_score_max: Score | None = None
    frequency_score_min: Score | None = None
    frequency_score_max: Score | None = None
    monetary_score_min: Score | None = None
    monetary_score_max: Score | None = None
    recency_days_min: Days | None = None
    recency_days_max: Days | None = None
    tenure_days_min: Days | None = None
    tenure_days_max: Days | None = None
    purchase_days_min: Days | None = None
    purchase_days_max: Days | None = None

    def bounds(self) -> list[tuple[str, str, int]]:
        """(column, min or max, value) of the bounds that are set."""
        return [
            (name.rsplit("_", 1)[0], name.rsplit("_", 1)[1], value)
            for name, value in self.model_dump().items()
            if value is not None
        ]


STAGES = ("new", "secure", "wavering", "leaving", "lapsed")
"""New: within `new_days` of the first purchase; secure, wavering, leaving: low, medium, high risk; lapsed: no
purchase within a year."""


class Hysteresis(_Section):
    """How far beyond a border a customer must be to leave the class or stage they had."""

    value_pct: float = Field(default=15, ge=0, lt=100)
    probability: float = Field(default=0.05, ge=0, lt=0.3)


class ByValueClass(_Section):
    """The strategy of each value class."""

    a: Strategy
    b: Strategy
    c: Strategy


class ByStage(_Section):
    """The strategy of each stage and value class."""

    new: ByValueClass
    secure: ByValueClass
    wavering: ByValueClass
    leaving: ByValueClass
    lapsed: ByValueClass


class Segment(_Section):
    """A named segment of the RFM view."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    when: Conditions


class SegmentSettings(_Section):
    """The whole file."""

    release: int = Field(default=1, ge=1)
    value_class_shares_pct: Shares = Shares()
    risk_bands: RiskBands = RiskBands()
    hysteresis: Hysteresis = Hysteresis()
    new_days: int = Field(default=91, ge=0)
    strategies: ByStage
    needs_clusters: tuple[Annotated[int, Field(ge=2, le=12)], ...] = (3, 4, 5, 6)
    segments: tuple[Segment, ...] = Field(min_length=1)

    @field_validator("segments")
    @classmethod
    def _complete(cls, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        names = [s.name for s in segments]
        double = sorted({n for n in names if names.count(n) > 1})
        if double:
            raise ValueError(f"the name {double[0]!r} is used twice")
        if segments[-1].when.bounds():
            raise ValueError(
                f"the last segment ({names[-1]!r}) must have no conditions: it takes everybody left"
            )
        for segment in segments[:-1]:
            if not segment.when.bounds():
                raise ValueError(f"{segment.name!r} has no conditions, so the segments after it stay empty")
        return segments


def load_settings(path: Path = SETTINGS_FILE) -> SegmentSettings:
    """Reads and checks the file. Raises ConfigError naming the file and the key."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the segments ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML ({getattr(error, 'problem', error)})") from error
    try:
        return SegmentSettings.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise ConfigError("\n".join(_describe(path, problem) for problem in problems)) from None


def _describe(path: Path, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{path}: {key or 'top level'}: {problem['msg']}"
    sections = (SegmentSettings, Segment, Conditions, ByStage, ByValueClass, Shares, RiskBands, Hysteresis)
    known = sorted({name for section in sections for name in section.model_fields})
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
    return f"{path}: unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else "")
