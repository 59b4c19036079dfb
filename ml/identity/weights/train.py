"""`python -m ml.identity.weights.train`: learns the weights that ship with the product.

Draws the worlds below, of both generators, with other seeds and error rates than anything that is measured,
lets the models compare their records, and fits on the counted patterns. Same code, same weights.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.identity.bench import compare_pairs
from ml.identity.weights.fit import Examples, fit
from ml.identity.weights.patterns import comparison_columns
from ml.identity.weights.table import SHIPPED, Weights, write_weights
from ml.identity.worlds import PRESETS, World, make_world, varied
from ml.identity.worlds.demo import demo_world

INTERACTIONS = 24


@dataclass(frozen=True)
class Recipe:
    """One world: the preset, or `demo`; how many records, or true persons for the demo; the seed."""

    preset: str
    size: int
    seed: int

    def make(self) -> World:
        if self.preset == "demo":
            return demo_world(self.size, self.seed)
        return make_world(varied(PRESETS[self.preset], self.seed), self.size, self.seed)


LEARNT_FROM = (
    Recipe("german", 60_000, 101), Recipe("german", 120_000, 102), Recipe("german", 30_000, 103),
    Recipe("german", 15_000, 104), Recipe("german", 250_000, 105), Recipe("german", 80_000, 106),
    Recipe("families", 40_000, 107), Recipe("families", 15_000, 108), Recipe("no_address", 40_000, 109),
    Recipe("no_email", 40_000, 110), Recipe("thin", 40_000, 111), Recipe("rich", 40_000, 112),
    Recipe("demo", 8_000, 113), Recipe("demo", 20_000, 114), Recipe("demo", 50_000, 115),
)  # fmt: skip
CHECKED_ON = (Recipe("german", 50_000, 201), Recipe("demo", 15_000, 202))
"""Worlds kept back; their figures stand in the manifest."""


def counted_patterns(world: World, workdir: Path, target: Path) -> pa.Table:
    """The patterns of a world's candidate pairs with `match_count` and `other_count`."""
    with duckdb.connect(str(compare_pairs(world.records, workdir, target=target))) as connection:
        connection.register("truth", world.truth)
        levels = ", ".join(comparison_columns(connection))
        return connection.execute(
            f"""
            select
                {levels},
                count(*) filter (a.entity_id = b.entity_id) as match_count,
                count(*) filter (a.entity_id <> b.entity_id) as other_count
            from identity.int_pair_comparisons as pair
            inner join truth as a on pair.record_id_a = a.record_id
            inner join truth as b on pair.record_id_b = b.record_id
            group by {levels}
            order by {levels}
            """
        ).to_arrow_table()


def check(weights: Weights, patterns: pa.Table) -> dict[str, float]:
    """How well the weights judge the pairs of a world: log-loss, precision and recall of candidate pairs."""
    bits = weights.add_up(patterns)
    probability = np.clip(1 / (1 + 2.0**-bits), 1e-9, 1 - 1e-9)
    match, other = (patterns[name].to_numpy().astype(float) for name in ("match_count", "other_count"))
    likely = probability >= 0.5
    loss = -(match @ np.log(probability) + other @ np.log(1 - probability)) / (match.sum() + other.sum())
    return {
        "pairs": int(match.sum() + other.sum()),
        "log_loss_bits": round(float(loss) / math.log(2), 4),
        "precision_at_half": round(float(match[likely].sum() / (match + other)[likely].sum()), 4),
        "recall_at_half": round(float(match[likely].sum() / match.sum()), 4),
        "expected_precision_at_half": round(
            float(np.average(probability[likely], weights=(match + other)[likely])), 4
        ),
    }


def train(work: Path, out: Path, interactions: int = INTERACTIONS) -> Weights:
    """Learns, checks and writes the weights; `work` keeps the patterns of worlds for another try."""
    found = {recipe: _patterns(recipe, work) for recipe in (*LEARNT_FROM, *CHECKED_ON)}
    together = pa.concat_tables([found[recipe] for recipe in LEARNT_FROM])
    version = f"worlds-{len(LEARNT_FROM)}-{interactions}"
    weights = fit(Examples.of(together), interactions, version)
    facts = {
        "command": "python -m ml.identity.weights.train",
        "method": f"logistic regression with L2 penalty on levels and {interactions} interactions",
        "worlds": [vars(recipe) for recipe in LEARNT_FROM],
        "match_share": round(
            float(
                np.sum(together["match_count"]) / np.sum([together["match_count"], together["other_count"]])
            ),
            6,
        ),
        "checked_on": [{**vars(r), **check(weights, found[r])} for r in CHECKED_ON],
    }
    write_weights(weights, out, facts)
    return weights


def _patterns(recipe: Recipe, work: Path) -> pa.Table:
    path = work / f"{recipe.preset}_{recipe.size}_{recipe.seed}.parquet"
    if not path.exists():
        pq.write_table(counted_patterns(recipe.make(), work / "warehouse", work / "target"), path)
        print(f"{path.stem}: {pq.read_metadata(path).num_rows:,} patterns", flush=True)
    return pq.read_table(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, help="folder for intermediate results (default: a temporary one)"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--interactions", type=int, default=INTERACTIONS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        weights = train(work, given.out, given.interactions)
    print(f"{given.out}: {len(weights.weights):,} weights")


if __name__ == "__main__":
    main()
