"""Kills runs of a sync at random moments, under 30 % chaos, and counts what got lost, wrong, doubled or
leaked.

    python -m benchmarks.exports_chaos [--kills 300] [--seed 1] [--size 60]

Every round changes people, consents and erasures, kills a few runs, lets one finish and compares the vendor
with what should be there. The three kinds of destination take turns. Ends with status 1 when there is a
single fault.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from stammkunde.home import Home

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "exports"))

from chaos import STYLES, ChaosWorld
from fakes.fake_crm import FakeCrm
from fakes.fake_vendor import Chaos

ROUND_KILLS = 6


def run_style(style: str, kills: int, seed: int, size: int) -> list[str]:
    """Rounds with one kind of destination until so many runs were killed; returns the faults."""
    faults: list[str] = []
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeCrm(Chaos(seed, lost=0.1, throttled=0.1, unavailable=0.1)).serving() as crm,
    ):
        world = ChaosWorld(Home(Path(folder) / "home").create(), crm, style, seed, size)
        rounds = 0
        while world.kills < kills:
            rounds += 1
            world.change()
            for _ in range(ROUND_KILLS):
                world.run_killed()
            world.finish()
            faults += [f"{style}, round {rounds}: {fault}" for fault in world.faults()]
        print(
            f"{style}: {world.kills} kills in {world.runs} runs, {rounds} rounds, "
            f"{crm.lost_answers} answers lost, {len(crm.log)} requests, {len(faults)} faults, "
            f"{time.monotonic() - began:.0f} s; killed at {dict(sorted(world.killed_at.items()))}",
            flush=True,
        )
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=60)
    options = parser.parse_args()
    seeds = random.Random(options.seed)
    faults = []
    for style in STYLES:
        faults += run_style(style, -(-options.kills // len(STYLES)), seeds.randrange(1000), options.size)
    print("\n".join(faults) or "no faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
