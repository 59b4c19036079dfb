"""Text columns: joining, choosing and folding Arrow arrays without loops over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Text: TypeAlias = Any  # a pa.StringArray; pyarrow has no stubs
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
NONE = pa.scalar(None, pa.string())


def weighted(rng: np.random.Generator, weights: npt.ArrayLike, size: int) -> Ints:
    """`size` indices drawn in proportion to the weights."""
    total = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(total, rng.random(size) * total[-1], "right"), len(total) - 1)


def at(values: Text, rows: npt.NDArray[Any]) -> Text:
    """The values at the rows, null where a row is negative."""
    rows = np.asarray(rows)
    return values.take(pa.array(np.maximum(rows, 0), mask=rows < 0))


def glue(*parts: Any) -> Text:
    """Parts written one behind the other; null where one of them is."""
    return pc.binary_join_element_wise(*parts, "")


def if_(mask: Flags, yes: Any, no: Any) -> Any:
    """`yes` where the mask is true, else `no`; None stands for null."""
    chosen = pa.array(mask)
    return pc.if_else(chosen, NONE if yes is None else yes, NONE if no is None else no)


def known(values: pa.Array) -> Flags:
    """Where a value is."""
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False))


def digits(values: npt.NDArray[Any], width: int = 0) -> Text:
    """Integers as text, with leading zeros up to `width`."""
    text = pa.array(np.asarray(values, dtype=np.int64)).cast(pa.string())
    return pc.utf8_lpad(text, width, "0") if width else text


def on(values: Text, mask: Flags, change: Callable[[Text], Text]) -> Text:
    """Applies a change where the mask is true and a value is there."""
    mask = mask & known(values)
    if not mask.any():
        return values
    chosen = pa.array(mask)
    return pc.replace_with_mask(values, chosen, change(values.filter(chosen)))


def one_of(rng: np.random.Generator, options: str | list[str], size: int) -> Text:
    """Draws from a list; text such as "GmbH 5|KG 1" carries weights behind the last blank of each option."""
    if isinstance(options, list):
        return at(pa.array(options, pa.string()), rng.integers(0, len(options), size))
    parts = [part.rsplit(" ", 1) for part in options.split("|")]
    return at(pa.array([p[0] for p in parts]), weighted(rng, [float(p[1]) for p in parts], size))


def replaced(values: Text, pairs: list[tuple[str, str]]) -> Text:
    """Plain replacements, one after the other."""
    for old, new in pairs:
        values = pc.replace_substring(values, old, new)
    return values


_TWO_LETTERS = [("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue"), ("ß", "ss")]
_ONE_LETTER = [("ä", "a"), ("ö", "o"), ("ü", "u"), ("Ä", "A"), ("Ö", "O"), ("Ü", "U"), ("ß", "s")]
_ACCENTS = [("é", "e"), ("è", "e"), ("ê", "e"), ("ç", "c"), ("á", "a"), ("ó", "o"), ("í", "i"), ("É", "E")]
_GARBLED = [(letter, letter.encode().decode("cp1252")) for letter in "äöüÖÜßéèç"] + [("Ä", "Ã„")]


def two_letters(values: Text) -> Text:
    """Müller → Mueller, Strauß → Strauss."""
    return replaced(values, _TWO_LETTERS)


def one_letter(values: Text) -> Text:
    """Müller → Muller."""
    return replaced(values, _ONE_LETTER)


def garbled(values: Text) -> Text:
    """Müller → MÃ¼ller: UTF-8 read as a Western code page."""
    return replaced(values, _GARBLED)


def mailbox(values: Text) -> Text:
    """As people write their name in an e-mail address: a–z, digits, hyphens."""
    plain = pc.utf8_lower(replaced(two_letters(values), _ACCENTS))
    return pc.replace_substring_regex(plain, r"[^a-z0-9-]+", "")


def capitalised(values: Text) -> Text:
    """First letter of the text in upper, the others in lower case."""
    return pc.utf8_capitalize(values)
