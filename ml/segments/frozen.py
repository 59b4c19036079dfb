"""Cut points that stay as they are until a new release is asked for in `config/segments.yml`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ml import registry
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
    directory = models_directory / "segments"
    pointer = directory / f"release-{settings.release}-{_key(shares, inputs.basis)}.json"
    if pointer.exists():
        manifest = registry.load(pointer)
        if date.fromisoformat(manifest["as_of"]) <= as_of:
            return CutPoints.from_json(manifest["parameters"]), manifest["version"], []
    cuts = cut_points(inputs, shares)
    artefact = registry.Artefact(
        model="segments",
        kind=f"rfm-r{settings.release}",
        as_of=as_of,
        parameters=cuts.as_json(),
        data_window=f"customer_features of {as_of}",
        features=("recency_days", "purchase_days_365", f"{inputs.basis}_365", inputs.basis),
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


def _key(shares: Shares, basis: str) -> str:
    return f"{shares.a:g}-{shares.b:g}-{basis}"
