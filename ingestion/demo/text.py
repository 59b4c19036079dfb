"""Small vectorised text tools on Arrow arrays: joining, folding, typing errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo.world import Flags

Text: TypeAlias = Any  # a pa.StringArray; pyarrow has no stubs

_DIGRAPHS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue"), ("ß", "ss"))
_DROPPED = (("ä", "a"), ("ö", "o"), ("ü", "u"), ("Ä", "A"), ("Ö", "O"), ("Ü", "U"), ("ß", "s"))
_ACCENTS = (("é", "e"), ("è", "e"), ("ë", "e"), ("ç", "c"), ("É", "E"))
# What UTF-8 looks like when it is read as cp1252.
_MOJIBAKE = tuple((c, c.encode().decode("cp1252")) for c in "äöüÄÖÜßéëç")

_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "j": "hk", "k": "jl", "l": "kö", "m": "n", "n": "bm", "o": "ip", "p": "oü", "q": "wa", "r": "et",
    "s": "ad", "t": "rz", "u": "zi", "v": "cb", "w": "qe", "x": "yc", "y": "x", "z": "tu", "0": "9",
    "1": "2", "2": "13", "3": "24", "4": "35", "5": "46", "6": "57", "7": "68", "8": "79", "9": "80",
}  # fmt: skip
_NEIGHBOUR = np.arange(0x10000, dtype=np.uint32)
for _key, _near in _NEIGHBOURS.items():
    _NEIGHBOUR[ord(_key)] = ord(_near[0])
    _NEIGHBOUR[ord(_key.upper())] = ord(_near[0].upper())


def join(*parts: Any, separator: str = "") -> Text:
    """Concatenates element-wise; plain strings are repeated; a null part makes the result null."""
    return pc.binary_join_element_wise(*parts, separator)


def number_text(values: npt.NDArray[Any], width: int = 0) -> Text:
    """Integers as text, padded with zeros to `width`."""
    text = pc.cast(pa.array(np.asarray(values)), pa.string())
    return pc.utf8_lpad(text, width, "0") if width else text


def take(values: pa.Array, indices: npt.NDArray[Any]) -> Text:
    """Elements at the indices; a negative index gives null."""
    indices = np.asarray(indices)
    return values.take(pa.array(indices, mask=indices < 0))


def nulls(size: int) -> Text:
    """A text column without values."""
    return pa.nulls(size, pa.string())


def keep(values: pa.Array, mask: Flags) -> pa.Array:
    """Values where the mask is true, null elsewhere."""
    return pc.if_else(pa.array(mask), values, pa.scalar(None, values.type))


def where(mask: Flags, yes: Any, no: Any) -> pa.Array:
    """Element-wise choice."""
    return pc.if_else(pa.array(mask), yes, no)


def change(values: pa.Array, mask: Flags, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Applies a function to the chosen elements only."""
    chosen = pa.array(mask)
    if not mask.any():
        return values
    return pc.replace_with_mask(values, chosen, function(values.filter(chosen)))


def _replace(values: pa.Array, pairs: tuple[tuple[str, str], ...]) -> pa.Array:
    for old, new in pairs:
        values = pc.replace_substring(values, old, new)
    return values


def digraphs(values: pa.Array) -> pa.Array:
    """ä → ae, ß → ss."""
    return _replace(values, _DIGRAPHS)


def dropped(values: pa.Array) -> pa.Array:
    """ä → a, ß → s."""
    return _replace(values, _DROPPED)


def mojibake(values: pa.Array) -> pa.Array:
    """ü → Ã¼."""
    return _replace(values, _MOJIBAKE)


def slug(values: pa.Array) -> pa.Array:
    """Lower-case ASCII letters, digits and hyphens, as in an e-mail address."""
    plain = _replace(digraphs(values), _ACCENTS)
    return pc.replace_substring_regex(pc.utf8_lower(plain), r"[^a-z0-9\-]+", "")


def typos(values: pa.Array, rng: np.random.Generator) -> pa.Array:
    """One typing error in each value: letters swapped, one left out, doubled, or its neighbour hit.

    Values shorter than three characters stay as they are.
    """
    text = np.array(values.fill_null("").to_pylist(), dtype=np.str_)
    width = text.dtype.itemsize // 4
    if not len(text) or width < 3:
        return values
    codes = np.zeros((len(text), width + 1), dtype=np.uint32)
    codes[:, :width] = text.view(np.uint32).reshape(len(text), width)
    length = (codes != 0).sum(axis=1)
    # Never the first letter, which people rarely get wrong, nor the last, which has no right neighbour.
    position = 1 + (rng.random(len(text)) * np.maximum(length - 2, 1)).astype(np.int64)
    kind = rng.integers(0, 4, len(text))
    column = np.arange(width + 1)[None, :]
    at = position[:, None]
    source = np.broadcast_to(column, codes.shape).copy()
    swap, drop, double = (kind == 0)[:, None], (kind == 1)[:, None], (kind == 2)[:, None]
    source = np.where(swap & (column == at), at + 1, source)
    source = np.where(swap & (column == at + 1), at, source)
    source = np.where(drop & (column >= at), source + 1, source)
    source = np.where(double & (column > at), source - 1, source)
    changed = np.take_along_axis(codes, np.clip(source, 0, width), axis=1)
    rows = np.flatnonzero(kind == 3)
    old = changed[rows, position[rows]]
    changed[rows, position[rows]] = _NEIGHBOUR[np.minimum(old, 0xFFFF)]
    short = length < 3
    changed[short] = codes[short]
    result = np.ascontiguousarray(changed).view(f"<U{width + 1}").ravel()
    return pa.array(result.tolist(), pa.string())
