"""Who is who: Python steps between the first and the second stretch of dbt."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.progress import say
from dagster_project.resources import ACCEPT_TAG, Retailer
from stammkunde.warehouse import open_warehouse

OWNERS = ["team:data-science"]


@dg.multi_asset(
    name="score_pairs",
    description="What the evidence of every compared pair weighs, and from when on a pair matches.",
    specs=[
        dg.AssetSpec(
            ["identity", name],
            group_name="identity",
            description=description,
            deps=[dg.AssetKey(["identity", name]) for name in ("int_pair_comparisons", "int_record_keys")],
            kinds={"python", "duckdb"},
            owners=OWNERS,
        )
        for name, description in (
            ("pair_score", "Weight, probability and veto of every compared pair."),
            ("matching_weight", "The weights in use, bit by bit."),
            ("matching_run", "Version of the weights, threshold and what is expected of it."),
        )
    ],
    pool="warehouse",
)
def score_pairs(context: dg.AssetExecutionContext, retailer: Retailer) -> Iterator[Any]:
    """Comparisons to weights to probabilities."""
    from ml.identity.weights.score import score_pairs as score
    from stammkunde.matching import load_matching

    with open_warehouse(retailer.home.warehouse) as connection:
        result = score(connection, load_matching(), retailer.as_of(context.run, context.instance))
    facts = vars(result)
    say(
        f"identity: {result.pairs:,} pairs in {result.patterns:,} patterns weighed by {result.version}, "
        f"{result.vetoed_pairs:,} vetoed; a match begins at {result.threshold:.0%}, "
        f"expected precision {result.expected_precision:.1%}"
    )
    for key in sorted(context.selected_asset_keys):
        yield dg.MaterializeResult(asset_key=key, metadata=facts)


@dg.multi_asset(
    name="resolve_identity",
    description="Pairs to clusters, vetoed records kept apart, a stable id for every cluster.",
    specs=[
        dg.AssetSpec(
            ["identity", name],
            group_name="identity",
            description=description,
            deps=[
                dg.AssetKey(["identity", upstream])
                for upstream in ("int_source_records", "pair_score", "matching_run")
            ],
            kinds={"python", "duckdb"},
            owners=OWNERS,
        )
        for name, description in (
            (
                "identity_assignment",
                "Which customer a source record belongs to, how surely and by what evidence.",
            ),
            ("customer_id_event", "The life of the ids: created, merged, split, erased; and why."),
            ("customer_id_successor", "Which id follows one that ended."),
            ("steward_decision", "Links and unlinks of stewards, and whether they are in force."),
            ("review_candidate", "Pairs that a steward should look at."),
            ("reissued_record", "Numbers that a source has given to somebody else."),
        )
    ],
    pool="warehouse",
)
def resolve_identity(context: dg.AssetExecutionContext, retailer: Retailer) -> Any:
    """Pairs to clusters to stable ids."""
    from ml.identity.decisions import read_decisions
    from ml.identity.resolve import resolve_identity as resolve
    from ml.identity.stewardship import read_stewardship
    from stammkunde.matching import load_matching

    log = read_decisions(retailer.home.decisions)
    for warning in log.warnings:
        say(f"identity: {warning}")
    settings, matching = read_stewardship(), load_matching()
    accepted = context.run.tags.get(ACCEPT_TAG) == "true"
    with open_warehouse(retailer.home.warehouse) as connection:
        result = resolve(
            connection,
            retailer.as_of(context.run, context.instance),
            maximum_size=matching.maximum_cluster_size,
            decisions=log.decisions,
            stability=None if accepted else settings.stability,
            review_bits=settings.review.bits_around_threshold,
        )
    facts = {name: value for name, value in vars(result).items() if isinstance(value, int | float | str)}
    say("identity: " + ", ".join(f"{name} {value:,}" for name, value in facts.items()))
    for key in sorted(context.selected_asset_keys):
        yield dg.MaterializeResult(asset_key=key, metadata=facts)


assets = [score_pairs, resolve_identity]
