"""Common facts of German-speaking countries as small lists: names, towns, streets, and the demo's catalogue.

The lists were written for this demo. They are sorted by how common an entry is and carry a weight.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

_FOLDER = Path(__file__).resolve().parent
_TEXT = ("postal_code", "area_code", "product_no", "category_no", "gtin")


@cache
def table(name: str) -> pa.Table:
    """The list `<name>.csv`."""
    options = pyarrow.csv.ConvertOptions(column_types={c: pa.string() for c in _TEXT})
    return pyarrow.csv.read_csv(_FOLDER / f"{name}.csv", convert_options=options)


def texts(name: str, column: str) -> pa.Array:
    """One text column of a list."""
    return table(name)[column].combine_chunks().cast(pa.string())


def numbers(name: str, column: str) -> npt.NDArray[np.float64]:
    """One numeric column of a list."""
    return np.asarray(table(name)[column].to_numpy(), dtype=np.float64)


@cache
def surnames() -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """Surnames with their shares: the listed ones, then a long tail composed of typical parts.

    The listed names carry 40 % of the people and follow the Zipf curve of a phone book; every composed one
    is rarer than the last listed.
    """
    listed = texts("surnames", "surname")
    weight = numbers("surnames", "per_million")
    parts = table("surname_parts").to_pylist()
    heads = [p["part"] for p in parts if p["position"] == "head"]
    tails = [p["part"] for p in parts if p["position"] == "tail"]
    known = set(listed.to_pylist())
    composed = [h + t for t in tails for h in heads if h + t not in known]
    tail_weight = 1.0 / (np.arange(len(composed)) + 400.0) ** 0.5
    shares = np.concatenate([0.4 * weight / weight.sum(), 0.6 * tail_weight / tail_weight.sum()])
    return pa.concat_arrays([listed, pa.array(composed)]), shares
