"""What fingers, ears and machines do to a text: one function per kind of mistake, each on a whole column."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.identity.worlds.columns import Text, at, glue, weighted

_ROWS = ("qwertzuiopü", "asdfghjklöä", "yxcvbnm", "1234567890")
_BESIDE = np.arange(0x250, dtype=np.uint32)
for _row in _ROWS:
    for _left, _right in pairwise(_row):
        _BESIDE[ord(_left)] = ord(_right)
        _BESIDE[ord(_left.upper())] = ord(_right.upper())
    _BESIDE[ord(_row[-1])], _BESIDE[ord(_row[-1].upper())] = ord(_row[-2]), ord(_row[-2].upper())

_SOUNDS = [
    ("eier", "aier"), ("aier", "ayer"), ("ayer", "eier"), ("eyer", "eier"), ("midt", "mitt"), ("mitt", "mid"),
    ("mann", "man"), ("ann", "an"), ("ph", "f"), ("th", "t"), ("ck", "k"), ("ff", "f"), ("dt", "d"),
    ("tz", "z"), ("chri", "kri"), ("Chri", "Kri"), ("Kat", "Cat"), ("Carl", "Karl"), ("Kla", "Cla"),
    ("Cla", "Kla"), ("ss", "ß"), ("ß", "ss"), ("ie", "i"), ("ei", "ai"), ("ai", "ei"), ("y", "i"),
    ("äu", "eu"), ("ä", "e"), ("ll", "l"), ("nn", "n"), ("tt", "t"), ("mm", "m"), ("rr", "r"), ("eh", "ee"),
    ("oh", "o"), ("ah", "a"), ("uh", "u"), ("f", "v"), ("z", "tz"), ("k", "ck"), ("n", "nn"), ("l", "ll"),
]  # fmt: skip
_HOSTS = {
    "gmail.com": "gmial.com 4|gmail.de 5|gmail.con 3|gmai.com 3|gmail.co 2|googelmail.com 1|gmali.com 2",
    "gmx.de": "gmx.ed 3|gmx.d 2|gmx.net 4|gnx.de 2|gmx.com 3|gmx.dee 1",
    "web.de": "wep.de 3|web.d 2|web.com 2|we.de 1|webde.de 1",
    "t-online.de": "tonline.de 4|t-onlin.de 3|t-online.com 2|t-onine.de 2|t-onlnie.de 1",
    "hotmail.com": "hotmial.com 3|hotmail.de 4|hotmai.com 2|hotmail.con 1",
    "hotmail.de": "hotmial.de 2|hotmail.com 4",
    "icloud.com": "iclod.com 2|icloud.de 3|icoud.com 1",
    "outlook.de": "outlook.com 4|outlok.de 2",
    "bluewin.ch": "bluwin.ch 3|blewin.ch 1|bluewin.com 2",
    "gmx.at": "gmx.de 4|gmx.a 1|gmy.at 1",
}


def mistyped(values: Text, rng: np.random.Generator) -> Text:
    """One slip of the fingers in each value of three letters or more.

    Two letters swapped, one missing, one doubled, the key beside, one letter too many.
    """
    words = np.array(values.to_pylist(), dtype=np.str_)
    width = words.dtype.itemsize // 4 if len(words) else 0
    if width < 3:
        return values
    codes = np.zeros((len(words), width + 1), dtype=np.uint32)
    codes[:, :width] = words.view(np.uint32).reshape(-1, width)
    length = (codes > 0).sum(axis=1)
    kind = weighted(rng, [24, 24, 14, 28, 10], len(words))
    # The first letter is rarely wrong, and people look at it.
    spot = np.where(
        rng.random(len(words)) < 0.06, 0, 1 + (rng.random(len(words)) * (length - 2).clip(1)).astype(int)
    )
    spot = np.minimum(spot, (length - 2).clip(0))
    column, spot = np.arange(width + 1)[None, :], spot[:, None]
    kinds = kind[:, None]
    source = column + ((kinds == 1) & (column >= spot)) - (((kinds == 2) | (kinds == 4)) & (column > spot))
    source = source + ((kinds == 0) & (column == spot)) - ((kinds == 0) & (column == spot + 1))
    result = np.take_along_axis(codes, np.clip(source, 0, width), axis=1)
    rows = np.flatnonzero((kind == 3) | (kind == 4))
    place = spot[rows, 0] + (kind[rows] == 4)
    old = result[rows, place]
    result[rows, place] = np.where(old < len(_BESIDE), _BESIDE[np.minimum(old, len(_BESIDE) - 1)], old)
    result[length < 3] = codes[length < 3]
    return pa.array(np.ascontiguousarray(result).view(f"<U{width + 1}").ravel().tolist(), pa.string())


def misheard(values: Text, rng: np.random.Generator) -> Text:
    """Written as it sounds: Maier for Meyer, Stefan for Stephan. Some names sound one way only and stay."""
    result, waiting = values, np.ones(len(values), dtype=bool)
    for old, new in [_SOUNDS[i] for i in rng.permutation(len(_SOUNDS))]:
        has = waiting & np.asarray(pc.match_substring(values, old).fill_null(False))
        if has.any():
            result = pc.if_else(
                pa.array(has), pc.replace_substring(values, old, new, max_replacements=1), result
            )
            waiting &= ~has
    return result


def wrong_digit(values: Text, rng: np.random.Generator) -> Text:
    """One digit wrong or two neighbours swapped; the first three characters and other signs stay."""
    words = np.array(values.to_pylist(), dtype=np.str_)
    width = words.dtype.itemsize // 4 if len(words) else 0
    if width < 5:
        return values
    codes = words.view(np.uint32).reshape(-1, width).copy()
    length = (codes > 0).sum(axis=1)
    rows = np.arange(len(words))
    spot = np.minimum(3 + (rng.random(len(words)) * (length - 3).clip(1)).astype(int), (length - 1).clip(0))
    before = (spot - 1).clip(0)
    is_digit = (codes >= ord("0")) & (codes <= ord("9"))
    fits = is_digit[rows, spot] & (length >= 5)
    swaps = (
        fits
        & is_digit[rows, before]
        & (codes[rows, spot] != codes[rows, before])
        & (rng.random(len(words)) < 0.4)
    )
    other = ord("0") + (codes[rows, spot] - ord("0") + rng.integers(1, 10, len(words)).astype(np.uint32)) % 10
    here, there = codes[rows, spot].copy(), codes[rows, before].copy()
    codes[rows, spot] = np.where(swaps, there, np.where(fits, other, here))
    codes[rows, before] = np.where(swaps, here, there)
    return pa.array(np.ascontiguousarray(codes).view(f"<U{width}").ravel().tolist(), pa.string())


def wrong_provider(values: Text, rng: np.random.Generator) -> Text:
    """hans@gmial.com; addresses of other hosts stay."""
    parts = pc.split_pattern(values, "@", max_splits=1)
    local, host = pc.list_element(parts, 0), pc.list_element(parts, 1)
    result = values
    for right, wrong in _HOSTS.items():
        options = [w.rsplit(" ", 1) for w in wrong.split("|")]
        other = at(
            pa.array([o[0] for o in options]), weighted(rng, [float(o[1]) for o in options], len(values))
        )
        result = pc.if_else(pc.equal(host, right), glue(local, "@", other), result)
    return result


def mistyped_mailbox(values: Text, rng: np.random.Generator) -> Text:
    """A slip before the @."""
    parts = pc.split_pattern(values, "@", max_splits=1)
    return glue(mistyped(pc.list_element(parts, 0), rng), "@", pc.list_element(parts, 1))


def called(values: Text, rng: np.random.Generator, said: dict[str, list[str]]) -> Text:
    """What the bearers of these names are called; a name without a known short form is cut, or stays."""
    names = values.dictionary_encode()
    codes = np.asarray(names.indices)
    words = names.dictionary.to_pylist()
    options = [said.get(word) or _cut(word) for word in words]
    start = np.cumsum([0, *(len(o) for o in options)])
    flat = pa.array([name for o in options for name in o], pa.string())
    count = np.diff(start)
    return at(flat, start[codes] + (rng.random(len(codes)) * count[codes]).astype(np.int64))


def _cut(name: str) -> list[str]:
    """Short forms that anybody would understand: Mar → Mari is none, Gundula → Gundi is."""
    if len(name) < 6 or "-" in name:
        return [name]
    vowels = "aeiouyäöü"
    end = next((i for i in range(3, len(name)) if name[i] in vowels and name[i - 1] not in vowels), 0)
    return [name[:end] + "i"] if 3 <= end <= 5 else [name]
