"""What deliveries of files share: which files the delivery before left, by its manifest.

Only files that our own manifest names are ever removed, and never one outside of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath


def listed(manifest: bytes | None) -> list[str]:
    """Names of the files in a manifest; none if there is no manifest or it is not one of ours."""
    try:
        content = json.loads(manifest or b"{}")
    except ValueError:
        return []
    files = content.get("files", []) if isinstance(content, dict) else []
    names = files if isinstance(files, dict) else [f.get("name") for f in files if isinstance(f, dict)]
    return [name for name in names if isinstance(name, str) and PurePosixPath(name).name == name]


def stale(before: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Files of the delivery before that this one does not replace."""
    return sorted(set(before) - {path.name for path in files})
