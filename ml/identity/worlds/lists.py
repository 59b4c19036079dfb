"""Names and places to choose from, each with how common it is.

Base: the project's own lists (`ingestion/demo/reference`). Beyond them, places and streets are composed of
typical parts, so that a million customers do not crowd in a few hundred postal codes. Where a folder with
wider lists is given (given_names, last_names, streets, plz_ort_latlon as csv.gz), those join in.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ingestion.demo import reference
from ml.identity.worlds.columns import Ints, Text, mailbox

Weights = npt.NDArray[np.float64]
COUNTRIES = ("DE", "AT", "CH")


@dataclass(frozen=True)
class Lists:
    """Everything a world chooses from; entries and their weights have equal length."""

    given: Text
    given_mailbox: Text
    given_is_male: npt.NDArray[np.bool_]
    given_decade: Ints
    """Middle of the decade of birth in which the name was given so often."""
    given_weight: Weights
    said: dict[str, list[str]]
    """Given name → what its bearer may be called instead."""
    surname: Text
    surname_mailbox: Text
    surname_weight: Weights
    town: Text
    postal_code: Text
    area_code: Text
    town_country: Ints
    """Index into `COUNTRIES`."""
    town_weight: Weights
    street: Text
    street_weight: Weights


@cache
def lists(wider: Path | None = None) -> Lists:
    """The lists; with `wider`, those of that folder too. Raises FileNotFoundError if it lacks one of them."""
    given, male, decade, weight = _given(wider)
    surname, surname_weight = _surnames(wider)
    towns = _towns(wider)
    street, street_weight = _streets(wider)
    return Lists(
        given, mailbox(given), male, decade, weight, _said(), surname, mailbox(surname), surname_weight,
        pa.array(towns["town"]), pa.array(towns["postal_code"]), pa.array(towns["area_code"]),
        np.array([COUNTRIES.index(c) for c in towns["country"]]), np.array(towns["weight"], dtype=np.float64),
        street, street_weight,
    )  # fmt: skip


def _read(wider: Path, name: str) -> pa.Table:
    codes = {c: pa.string() for c in ("plz", "postcode", "vorwahl")}
    with gzip.open(wider / f"{name}.csv.gz") as file:
        return pyarrow.csv.read_csv(file, convert_options=pyarrow.csv.ConvertOptions(column_types=codes))


def _given(wider: Path | None) -> tuple[Text, npt.NDArray[np.bool_], Ints, Weights]:
    names = reference.texts("given_names", "name").to_pylist()
    male = [g == "m" for g in reference.texts("given_names", "gender").to_pylist()]
    decade = reference.numbers("given_names", "birth_decade").astype(np.int64)
    weight = reference.numbers("given_names", "weight")
    if wider is not None:
        known = set(names)
        more = [r for r in _read(wider, "given_names").to_pylist() if r["given_name"] not in known]
        more = [r for r in more if r["gender"] in ("m", "f") and len(r["given_name"]) > 1]
        # One person in five bears a name of the wider list, in every decade alike.
        decades = np.unique(decade)
        share = np.array([r["count"] for r in more], dtype=np.float64)
        share *= 0.2 * weight.sum() / share.sum() / len(decades)
        names = names + [r["given_name"] for r in more] * len(decades)
        male = male + [r["gender"] == "m" for r in more] * len(decades)
        decade = np.concatenate([decade, np.repeat(decades, len(more))])
        weight = np.concatenate([weight, np.tile(share, len(decades))])
    return pa.array(names), np.array(male), decade, weight


def _said() -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for row in reference.table("nicknames").to_pylist():
        said.setdefault(row["name"], []).append(row["nickname"])
    with (Path(__file__).parent / "said_names.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = said.setdefault(row["name"], [])
            known.extend(name for name in row["said"].split() if name not in known)
    return said


def _surnames(wider: Path | None) -> tuple[Text, Weights]:
    names, weight = reference.surnames()
    if wider is None:
        return names, weight
    more = _read(wider, "last_names")
    listed = more["last_name"].combine_chunks()
    fresh = ~np.asarray(pc.is_in(listed, names))
    listed = listed.filter(pa.array(fresh))
    count = np.asarray(more["count"].to_numpy(), dtype=np.float64)[fresh]
    return pa.concat_arrays([names, listed]), np.concatenate(
        [0.6 * weight / weight.sum(), 0.4 * count / count.sum()]
    )


_FRONT = (
    "Alten", "Neuen", "Ober", "Unter", "Nieder", "Hohen", "Lang", "Kirch", "Birken", "Buchen", "Eichen",
    "Erlen", "Gross", "Klein", "Wester", "Oster", "Sud", "Mittel", "Stein", "Wald", "Wiesen", "Bruch", "Berg",
    "Hasel", "Linden", "Mühl", "Rosen", "Schön", "Schwarz", "Weiß", "Roth", "Grün", "Tannen", "Ulmen",
    "Vogel", "Königs", "Bischofs",
)  # fmt: skip
_BACK = (
    "dorf", "hausen", "heim", "berg", "bach", "feld", "tal", "hofen", "kirchen", "brunn", "stetten", "ried",
    "au", "rode", "wang", "weiler", "burg", "stadt", "see", "furt", "brück", "hain", "leben", "büttel",
)  # fmt: skip


def _towns(wider: Path | None) -> dict[str, list[str]]:
    columns = ("town", "postal_code", "area_code", "country")
    towns = {c: reference.texts("towns", c).to_pylist() for c in columns}
    weight = reference.numbers("towns", "thousand_people").tolist()
    taken = set(zip(towns["country"], towns["postal_code"], strict=True))
    rng = np.random.default_rng(77)
    # Around each listed town lie villages of its postal region and area code.
    for row in range(len(weight)):
        country, region = towns["country"][row], towns["postal_code"][row]
        for last in rng.permutation(100 if country == "DE" else 40)[:14]:
            code = f"{region[:-2]}{last:02d}"
            if (country, code) in taken:
                continue
            taken.add((country, code))
            front, back = _FRONT[rng.integers(len(_FRONT))], _BACK[rng.integers(len(_BACK))]
            towns["town"].append(front + back)
            towns["postal_code"].append(code)
            towns["area_code"].append(f"{towns['area_code'][row][:3]}{last}")
            towns["country"].append(country)
            weight.append(float(np.round(4 * rng.lognormal(0, 0.8), 3)))
    if wider is not None:
        area = {
            code[:2]: number for code, number in zip(towns["postal_code"], towns["area_code"], strict=True)
        }
        for row in _read(wider, "plz_ort_latlon").to_pylist():
            if ("DE", row["plz"]) not in taken:
                taken.add(("DE", row["plz"]))
                towns["town"].append(row["ort"])
                towns["postal_code"].append(row["plz"])
                towns["area_code"].append(f"{area.get(row['plz'][:2], '30')[:3]}{int(row['plz'][2:]) % 90}")
                towns["country"].append("DE")
                weight.append(8.0)
    return {**towns, "weight": weight}


def _streets(wider: Path | None) -> tuple[Text, Weights]:
    names = reference.texts("streets", "street").to_pylist()
    weight = reference.numbers("streets", "weight").tolist()
    known = set(names)
    ends = ("straße", "weg", "gasse", "allee", "ring", "platz", "graben", "steig")
    composed = [front + end for front in (*_FRONT, "Bahn", "Markt", "Garten", "Schul") for end in ends]
    surnames = reference.texts("surnames", "surname").to_pylist()
    # Half of the streets bear the name of somebody.
    composed += [f"{name}-Straße" for name in surnames[30:230:3]] + [
        f"{name}weg" for name in surnames[31:400:3]
    ]
    composed += [
        f"Am {front}{back}" for front in _FRONT[::3] for back in ("feld", "berg", "bach", "see", "tal")
    ]
    if wider is not None:
        composed += sorted(set(_read(wider, "streets")["street_name"].to_pylist()))
    fresh = [name for name in dict.fromkeys(composed) if name not in known]
    weight += [0.45 * sum(weight) / len(fresh)] * len(fresh)
    return pa.array(names + fresh), np.array(weight, dtype=np.float64)
