"""Hundreds of kills over the whole pipeline: nothing lost, nothing twice, nothing wrong published.

`python benchmarks/faults.py --kills 200 --seed 1` makes the demo retailer, runs it once undisturbed and
counts the steps of that run. Then `stammkunde run` is killed at steps drawn from the seed, on and on with the
same home until a run gets through, and from a fresh home again. After every kill the home is examined; after
every run that got through its published tables and landed rows must equal those of the undisturbed run.

Prints one line a kill and at the end how many there were of each outcome; the exit status is 1 if anything
was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fault_campaign import Outcome, faults, landed_rows, published_hash, run_until

from stammkunde.home import PROJECT_ROOT, Home

COMMAND = [sys.executable, "-m", "dagster_project.cli"]


def main() -> int:
    """Runs the campaign; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--work", type=Path, default=PROJECT_ROOT / "benchmarks" / "out" / "faults")
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    campaign = Campaign(options.work, options.customers, options.seed)
    try:
        return campaign.run(options.kills)
    finally:
        campaign.stop_servers()


class Campaign:
    """One victim, its twin that nobody disturbs, and the points at which the victim dies."""

    def __init__(self, work: Path, customers: int, seed: int) -> None:
        self.work, self.seed, self.points = work, seed, random.Random(seed)
        self.home, self.counter = Home(work / "home"), work / "steps"
        self.environment = {
            **os.environ, "STAMMKUNDE_HOME": str(self.home.root), "PYTHONPATH": str(PROJECT_ROOT),
        }  # fmt: skip
        self.kills = self.rounds = self.finished = 0
        self.wrong: list[str] = []
        # The demo's servers stay up, so a kill is a kill of the run and of nothing else.
        self._call("demo", "--customers", str(customers))
        began = time.monotonic()
        twin = self._stammkunde(at=0)
        if twin.status != 0:
            raise SystemExit(twin.output)
        self.steps, self.expected, self.rows = twin.steps, published_hash(self.home), landed_rows(self.home)
        print(f"seed {seed}: an undisturbed run takes {self.steps:,} steps, {time.monotonic() - began:.0f} s")

    def run(self, kills: int) -> int:
        """Kills until so many runs have died; the last victim is healed."""
        while self.kills < kills:
            self._fresh_home()
            self.rounds += 1
            while True:
                at = self.points.randint(1, self.steps) if self.kills < kills else 0
                delay = self.points.choice((0.0, self.points.uniform(0, 200)))
                outcome = self._stammkunde(at, delay)
                if not outcome.killed:
                    self._whole(outcome)
                    break
                self.kills += 1
                found = faults(self.home, (None, self.expected))
                self._report(f"kill {self.kills:>4} at step {at:>6} + {delay:5.1f} ms", found)
        print(
            json.dumps(
                {
                    "seed": self.seed, "kills": self.kills, "rounds": self.rounds,
                    "runs_finished": self.finished,
                    "steps_of_a_run": self.steps, "wrong": len(self.wrong),
                }
            )
        )  # fmt: skip
        return 1 if self.wrong else 0

    def stop_servers(self) -> None:
        """Ends the demo's servers, which this campaign has started."""
        self._call("demo", "--stop")

    def _whole(self, outcome: Outcome) -> None:
        """A run got through: it must have made what the undisturbed one made."""
        self.finished += 1
        found = faults(self.home, (self.expected,))
        if outcome.status != 0:
            found.append(f"ended with status {outcome.status}: {outcome.output[-600:]}")
        rows = landed_rows(self.home)
        found += [f"{table}: lost or doubled rows" for table in rows if rows[table] != self.rows[table]]
        self._report(f"run finished after kill {self.kills}", found)

    def _report(self, what: str, found: list[str]) -> None:
        self.wrong += [f"{what}: {fault}" for fault in found]
        print(f"{what}: {'; '.join(found) or 'as it should be'}", flush=True)

    def _fresh_home(self) -> None:
        """Everything but the demo's systems and the schema of Dagster's storage begins anew."""
        for path in self.home.root.iterdir():
            if path.name in ("demo", "run", "logs") or path.suffix == ".lock":
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _stammkunde(self, at: int, delay: float = 0.0) -> Outcome:
        return run_until([*COMMAND, "run", "--wait-minutes", "1"], self.environment, self.counter, at, delay)

    def _call(self, *arguments: str) -> None:
        subprocess.run([*COMMAND, *arguments], env=self.environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(main())
