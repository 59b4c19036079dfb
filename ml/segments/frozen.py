"""Cut points and centres that stay as they are until a new release is asked for in `config/segments.yml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from ml import registry
from ml.segments.needs import Mix, Needs, find
from ml.segments.rfm import CutPoints, Inputs, cut_points
from ml.segments.settings import SegmentSettings, Shares
from stammkunde.files import write_atomically

MIN_CUSTOMERS = 100


def frozen_cut_points(
    inputs: Inputs, settings: SegmentSettings, as_of: date, models_directory: Path
) -> tuple[CutPoints, str, list[str]]:
    """The cut points to use, their version, and sentences on what limits them.

    Those of the release are used again when they were frozen on or before `as_of`; the first run with at
    least 100 customers freezes them. A run for an earlier day than theirs makes its own and keeps none,
    since it may not know what came later.
    """
    shares = settings.value_class_shares_pct
    pointer = _pointer(models_directory, settings, _key(shares, inputs.basis))
    frozen = _read(pointer, as_of)
    if frozen is not None:
        return CutPoints.from_json(frozen["parameters"]), frozen["version"], []
    cuts = cut_points(inputs, shares)
    artefact = registry.Artefact(
        model="segments",
        kind=f"rfm-r{settings.release}",
        as_of=as_of,
        parameters=cuts.as_json(),
        data_window=f"customer_features of {as_of}",
        features=("recency_days", "purchase_days_365", f"{inputs.basis}_365", "clv_amount"),
    )
    warnings = []
    if inputs.size < MIN_CUSTOMERS:
        warnings.append(
            f"{inputs.size} customers are too few to freeze cut points (at least {MIN_CUSTOMERS}): they are "
            "computed anew in every run, so customers may change their segment because others did."
        )
    elif not pointer.exists():
        write_atomically(pointer, registry.save(artefact, models_directory).read_bytes())
    # The version is that of what is written, so that the run that freezes and later ones say the same.
    return CutPoints.from_json(registry.rounded(cuts.as_json())), artefact.version, warnings


def frozen_needs(
    mix: Mix, settings: SegmentSettings, as_of: date, models_directory: Path
) -> tuple[Needs | None, list[str]]:
    """The centres to use, by the rules of the cut points; None where no clustering is found again."""
    pointer = _pointer(models_directory, settings, "needs-" + "-".join(map(str, settings.needs_clusters)))
    frozen = _read(pointer, as_of)
    if frozen is not None:
        return Needs.from_json(frozen["parameters"]), []
    needs = find(mix, settings.needs_clusters)
    if needs is None:
        return None, [
            f"The baskets of {len(mix.shares)} customers with purchases in the last year fall into no groups "
            "that other samples show again: there are no needs segments."
        ]
    artefact = registry.Artefact(
        model="segments",
        kind=f"needs-r{settings.release}",
        as_of=as_of,
        parameters=needs.as_json(),
        data_window=f"customer_product of the year before {as_of}",
        features=mix.names,
        metrics={"bootstrap_ari": needs.stability},
    )
    if not pointer.exists():
        write_atomically(pointer, registry.save(artefact, models_directory).read_bytes())
    return Needs.from_json(registry.rounded(needs.as_json())), []


def _read(pointer: Path, as_of: date) -> dict[str, Any] | None:
    if not pointer.exists():
        return None
    manifest = registry.load(pointer)
    return manifest if date.fromisoformat(manifest["as_of"]) <= as_of else None


def _pointer(models_directory: Path, settings: SegmentSettings, key: str) -> Path:
    return models_directory / "segments" / f"release-{settings.release}-{key}.json"


def _key(shares: Shares, basis: str) -> str:
    return f"{shares.a:g}-{shares.b:g}-{basis}-customer-value"
