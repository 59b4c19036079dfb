"""Versioned artefacts of models: parameters as JSON with a manifest, below the models directory.

`<models>/<model>/<version>.json` holds what is needed to repeat a prediction or to know where it came from:
parameters, data window, features, measures, code version and a checksum. Nothing is pickled; tree ensembles
are described by their settings and training window and are trained again in each run. Equal content gives
the same version, so a repeated run writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

from stammkunde.errors import UserError
from stammkunde.files import write_atomically


@dataclass(frozen=True)
class Artefact:
    """What a trained model consists of. `parameters` must be JSON: numbers, texts, lists, mappings."""

    model: str
    kind: str
    as_of: date
    parameters: dict[str, Any]
    data_window: str = ""
    features: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """`<kind>@<as_of>-<checksum>`: equal parameters and features give an equal version."""
        return f"{self.kind}@{self.as_of.isoformat()}-{self._checksum()[:8]}"

    def _content(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "kind": self.kind,
            "as_of": self.as_of.isoformat(),
            "data_window": self.data_window,
            "features": list(self.features),
            "parameters": rounded(self.parameters),
            "metrics": rounded(self.metrics),
        }

    def _checksum(self) -> str:
        return hashlib.sha256(_canonical(self._content())).hexdigest()


def save(artefact: Artefact, models_directory: Path) -> Path:
    """Writes the manifest once, atomically; returns its path."""
    directory = models_directory / artefact.model
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{artefact.version}.json"
    if not path.exists():
        manifest = {
            **artefact._content(),
            "version": artefact.version,
            "code_version": _code_version(),
            "sha256": artefact._checksum(),
        }
        write_atomically(path, (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode())
    return path


Manifest = dict[str, Any]
"""What a manifest holds, as read by `load`."""


def load(path: Path) -> Manifest:
    """The manifest, once its checksum is verified. Raises UserError naming the file."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot read the model's manifest ({error})") from error
    if not isinstance(manifest, dict) or "sha256" not in manifest:
        raise UserError(f"{path}: not a model manifest")
    content = {k: v for k, v in manifest.items() if k not in ("version", "code_version", "sha256")}
    if hashlib.sha256(_canonical(content)).hexdigest() != manifest["sha256"]:
        raise UserError(f"{path}: the checksum does not match; the file was changed after it was written")
    return manifest


def rounded(value: Any) -> Any:
    """JSON-ready copy: floats with ten significant digits, not-a-number and infinity as null."""
    if isinstance(value, dict):
        return {str(k): rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    return value


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _code_version() -> str:
    try:
        return metadata.version("stammkunde")
    except metadata.PackageNotFoundError:
        return "unknown"
