"""Splink 5 on comparable keys, tuned as its documentation and an expert would: what we are measured against.

Belongs here: the model. Does not belong here: how its pairs become groups (`identity_peers.py`).
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import duckdb

KEYS = (
    "record_id", "kind", "first_key", "last_key", "company_key", "vat_key", "birth_key", "email_key",
    "phone_key", "mobile_key", "card_key", "street_key", "house_no_key", "postal_key", "address_key",
)  # fmt: skip
RULES = (
    ("email_key",), ("phone_key",), ("mobile_key",), ("card_key",), ("vat_key",), ("last_key", "birth_key"),
    ("first_key", "birth_key"), ("last_key", "address_key"), ("first_key", "address_key"),
    ("first_key", "last_key", "postal_key"), ("first_key", "last_key"), ("company_key", "postal_key"),
    ("company_key", "address_key"), ("birth_key", "postal_key"),
)  # fmt: skip
TRAINING = (("email_key",), ("last_key", "first_key"), ("address_key",), ("birth_key",))
SURE = (
    ("email_key", "first_key"), ("first_key", "last_key", "birth_key"),
    ("first_key", "last_key", "address_key"), ("phone_key", "first_key"),
)  # fmt: skip
U = {"email": 3.0, "phone": 20.0, "address": 150.0}
"""u probabilities of what a household shares, times the number of records: found by trying, in its favour."""
SAMPLE = 1e7
"""Pairs for the u probabilities; Splink's own text calls 1e9 best and 1e7 adequate."""


def main(keys: Path, folder: Path) -> dict[str, float]:
    """Trains, scores, writes `pairs.parquet` (two record ids, match_probability …); returns seconds."""
    from splink import Linker, block_on
    from splink.backends.duckdb import DuckDBAPI
    from splink.internals.exceptions import EMTrainingException

    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def done(step: str) -> None:
        nonlocal started
        seconds[step] = round(time.perf_counter() - started, 3)
        started = time.perf_counter()

    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute(f"create table keys as select * from read_parquet('{keys}')")
    (count,) = connection.execute("select count(*) from keys").fetchall()[0]
    known = {
        c for c in KEYS if connection.execute(f"select count({c}) from keys").fetchall()[0][0] > count // 1000
    }

    def usable(rules: tuple[tuple[str, ...], ...]) -> list[tuple[str, ...]]:
        return [rule for rule in rules if known.issuperset(rule)]

    table = DuckDBAPI(connection).register("keys", dataset_display_name="source_records")
    linker = Linker(table, _settings(count, known, usable(RULES)), log_level=40)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on(*r) for r in usable(SURE)], recall=0.7)
    done("prior")
    training.estimate_u_using_random_sampling(max_pairs=min(SAMPLE, 100 * count), seed=1)
    done("u")
    for rule in usable(TRAINING):
        # On thin data a rule may leave nothing to learn from; the others do then.
        with suppress(ValueError, EMTrainingException):
            training.estimate_parameters_using_expectation_maximisation(
                block_on(*rule), estimate_without_term_frequencies=True, max_pairs=2e6
            )
    done("em")
    pairs = linker.inference.predict(threshold_match_probability=0.3)
    done("predict")
    linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=0.99)
    done("clusters")
    connection.execute(
        f"copy (select record_id_l, record_id_r, match_probability, a.first_key as first_l, "
        f"b.first_key as first_r from {pairs.physical_name} join keys a on a.record_id = record_id_l "
        f"join keys b on b.record_id = record_id_r) to '{folder / 'pairs.parquet'}'"
    )
    seconds["total"] = round(sum(seconds.values()), 3)
    return seconds


def _settings(count: int, known: set[str], rules: list[tuple[str, ...]]):  # type: ignore[no-untyped-def]
    from splink import SettingsCreator, block_on
    from splink import comparison_level_library as cll
    from splink import comparison_library as cl

    def name(column: str) -> object:
        return cl.CustomComparison(
            output_column_name=column,
            comparison_levels=[
                cll.NullLevel(column),
                cll.ExactMatchLevel(column, term_frequency_adjustments=True),
                cll.JaroWinklerLevel(column, 0.92),
                cll.JaroWinklerLevel(column, 0.85),
                cll.ElseLevel(),
            ],
        )

    def fixed(level: object, u: float) -> object:
        # Sampled u of near-unique keys comes from the true matches in the sample: by hand then.
        return level.configure(u_probability=u, fix_u_probability=True)  # type: ignore[attr-defined]

    def exact(column: str, u: float) -> object:
        levels = [cll.NullLevel(column), fixed(cll.ExactMatchLevel(column), u), cll.ElseLevel()]
        return cl.CustomComparison(output_column_name=column, comparison_levels=levels)

    unknown = "coalesce({0}_l, {1}_l) is null or coalesce({0}_r, {1}_r) is null".format(
        "phone_key", "mobile_key"
    )
    same = "coalesce(phone_key_l in (phone_key_r, mobile_key_r), false) or "
    same += "coalesce(mobile_key_l in (phone_key_r, mobile_key_r), false)"
    phones = cl.CustomComparison(
        output_column_name="phones",
        comparison_levels=[
            cll.CustomLevel(unknown, "no number").configure(is_null_level=True),
            fixed(cll.CustomLevel(same, "same number"), U["phone"] / count),
            cll.ElseLevel(),
        ],
    )
    email = cl.CustomComparison(
        output_column_name="email_key",
        comparison_levels=[
            cll.NullLevel("email_key"),
            fixed(cll.ExactMatchLevel("email_key"), U["email"] / count),
            fixed(cll.LevenshteinLevel("email_key", 2), 10 * U["email"] / count),
            cll.ElseLevel(),
        ],
    )
    birth = cl.CustomComparison(
        output_column_name="birth_key",
        comparison_levels=[
            cll.NullLevel("birth_key"),
            fixed(cll.ExactMatchLevel("birth_key"), 1 / 20_000),
            cll.LevenshteinLevel(cl_text("birth_key"), 1),
            cll.ElseLevel(),
        ],
    )
    address = cl.CustomComparison(
        output_column_name="address_key",
        comparison_levels=[
            cll.NullLevel("postal_key"),
            fixed(cll.ExactMatchLevel("address_key"), U["address"] / count),
            cll.CustomLevel("postal_key_l = postal_key_r and street_key_l = street_key_r", "same street"),
            cll.ExactMatchLevel("postal_key", term_frequency_adjustments=True),
            cll.ElseLevel(),
        ],
    )
    comparisons = {
        "first_key": name("first_key"), "last_key": name("last_key"), "email_key": email, "phone_key": phones,
        "birth_key": birth, "postal_key": address, "card_key": exact("card_key", 0.2 / count),
        "vat_key": exact("vat_key", 0.1 / count), "company_key": name("company_key"),
    }  # fmt: skip
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=[comparison for column, comparison in comparisons.items() if column in known],
        blocking_rules_to_generate_predictions=[
            *(block_on(*rule) for rule in rules),
            "l.first_key = r.last_key and l.last_key = r.first_key",
        ],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )  # fmt: skip


def cl_text(column: str):  # type: ignore[no-untyped-def]
    """The column as text."""
    from splink import ColumnExpression

    return ColumnExpression(column).cast_to_string()
