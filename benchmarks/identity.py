"""Identity resolution measured: accuracy, where it fails, time and memory, beside guarded SQL and Splink 5.

    make bench-identity                                    # German and demo worlds, FEBRL, fake_1000
    .venv-bench/bin/python benchmarks/identity.py german:1000000 --tools stammkunde splink
    .venv-bench/bin/python benchmarks/identity.py febrl3 thin:10000 --details

Each tool runs in a process of its own, on the same records; the peers get our normalised keys without the
time that it took to make them. Figures go to benchmarks/out/identity.json too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

FOLDER = Path(__file__).resolve().parent
DEFAULT = [
    "german:10000", "german:100000", "demo:10000", "demo:100000", "thin:10000", "rich:10000",
    "no_address:10000", "no_email:10000", "families:10000", "febrl1", "febrl2", "febrl3", "febrl4",
    "fake_1000",
]  # fmt: skip
TOOLS = ("stammkunde", "guarded", "splink")
KEYS = "select * from identity.int_record_keys where not is_junk"


def run(tool: str, folder: Path) -> None:
    """Runs one tool on `folder/records.parquet`; this is what the processes of their own do."""
    from ml.identity.bench import peak_mb

    sys.path.insert(0, str(FOLDER))
    note: dict[str, Any] = {}
    cpu = time.process_time()
    if tool == "stammkunde":
        from ml.identity.bench import run_identity

        found = run_identity(
            pq.read_table(folder / "records.parquet"), folder, target=FOLDER / "out" / "target"
        )
        pq.write_table(found.assignment, folder / "stammkunde.parquet")
        note = {
            "seconds": found.seconds,
            "models": found.model_seconds,
            "candidate_pairs": found.candidate_pairs,
        }
    elif tool == "guarded":
        from identity_peers import guarded_sql

        started = time.perf_counter()
        groups = guarded_sql(
            pq.read_table(folder / "records.parquet", columns=["record_id"]), folder / "keys.parquet"
        )
        pq.write_table(groups, folder / "guarded.parquet")
        note = {"seconds": {"total": round(time.perf_counter() - started, 3)}}
    else:
        from identity_splink import main as splink

        note = {"seconds": splink(folder / "keys.parquet", folder)}
    note["peak_mb"] = found.peak_mb if tool == "stammkunde" else peak_mb()
    note["cpu_seconds"] = found.cpu_seconds if tool == "stammkunde" else time.process_time() - cpu
    (folder / f"{tool}.json").write_text(json.dumps(note), encoding="utf-8")


def started(tool: str, folder: Path) -> dict[str, Any] | None:
    """Runs a tool in its own process; returns its seconds and its peak memory in MB, None if it failed."""
    with (folder / f"{tool}.log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, str(FOLDER / "identity.py"), "--run", tool, str(folder)],
            stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": str(FOLDER.parent), "DO_NOT_TRACK": "1"},
            check=False,
        )  # fmt: skip
    if done.returncode:
        tail = (
            (folder / f"{tool}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        )
        print(f"  {tool}: failed ({' '.join(tail)})", flush=True)
        return None
    return dict(json.loads((folder / f"{tool}.json").read_text(encoding="utf-8")))


def measure(name: str, tools: list[str], details: bool) -> dict[str, Any]:
    """All tools on one data set; prints a line for each and returns the figures."""
    from identity_data import load

    world = load(name)
    if world is None:
        print(f"\n{name}: not at hand", flush=True)
        return {}
    folder = FOLDER / "out" / name.replace(":", "_")
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(world.records, folder / "records.parquet")
    print(f"\n{name}: {world.records.num_rows:,} records", flush=True)
    result: dict[str, Any] = {"records": world.records.num_rows}
    for tool in tools:
        note = started(tool, folder)
        if note is None:
            if tool == "stammkunde":
                break
            continue
        if tool == "stammkunde":
            result |= _ours(world, folder, note, details)
            with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as warehouse:
                warehouse.execute(f"copy ({KEYS}) to '{folder / 'keys.parquet'}'")
        elif tool == "guarded":
            groups = pq.read_table(folder / "guarded.parquet")
            result[tool] = _theirs("guarded SQL", world, groups, note)
        else:
            result |= _splink(world, folder, note)
    return result


def _line(name: str, card: Any, note: dict[str, Any]) -> dict[str, float]:
    p = card.pairs
    seconds, cpu, peak = note["seconds"]["total"], note["cpu_seconds"], note["peak_mb"]
    figures = {
        "precision": round(p.precision, 4), "recall": round(p.recall, 4), "f1": round(p.f1, 4),
        "b_cubed_f1": round(card.b_cubed[2], 4), "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1), "peak_mb": peak,
    }  # fmt: skip
    household = ""
    if card.household_precision.whole:
        figures["household_precision"] = round(card.household_precision.value, 4)
        household = f"  in households P {card.household_precision.value:.3f}"
    print(
        f"  {name:<24} P {p.precision:.3f}  R {p.recall:.3f}  F1 {p.f1:.3f}  B³ {card.b_cubed[2]:.3f}"
        f"{household}  {seconds:6.1f} s ({cpu:.0f} s of processor)  {peak:6.0f} MB",
        flush=True,
    )
    return figures


def _ours(world: Any, folder: Path, note: dict[str, Any], details: bool) -> dict[str, Any]:
    from ml.identity.scorecard import scorecard

    assignment = pq.read_table(folder / "stammkunde.parquet")
    card = scorecard(world.records, world.truth, assignment, folder / "warehouse.duckdb", world.traits)
    figures: dict[str, Any] = {
        "stammkunde": _line("Stammkunde", card, note),
        "stages": note["seconds"],
        "models": note["models"],
        "pairs_per_record": round(note["candidate_pairs"] / world.records.num_rows, 2),
        "ceiling": {k: round(s.value, 4) for k, s in card.ceiling.items()},
        "false_pairs": card.false_pairs,
        "recall": {
            k: {n: [round(s.value, 3), s.whole] for n, s in v.items()} for k, v in card.recall.items()
        },
    }
    print(f"    candidates per record {figures['pairs_per_record']}; ceilings: {figures['ceiling']}")
    print(f"    wrong pairs: {card.false_pairs}")
    if details:
        print(f"    seconds: {figures['stages']}")
        for kind, shares in figures["recall"].items():
            told = ", ".join(f"{n} {value:.2f} of {whole:,}" for n, (value, whole) in shares.items())
            print(f"    found by {kind}: {told}")
    return figures


def _theirs(name: str, world: Any, groups: Any, note: dict[str, Any]) -> dict[str, float]:
    from ml.identity.scorecard import scorecard

    return _line(name, scorecard(world.records, world.truth, groups), note)


def _splink(world: Any, folder: Path, note: dict[str, Any]) -> dict[str, Any]:
    """Splink at the threshold that is best here, which nobody knows beforehand: in its favour."""
    from identity_peers import splink_groups

    from ml.identity.evaluation import pairwise_scores

    truth = world.truth.select(["record_id", "entity_id"])
    groups = splink_groups(world.records, folder / "pairs.parquet")
    found: dict[str, Any] = {"splink_seconds": note["seconds"]}
    for title in ("", " + name veto"):
        ours = {n: g for n, g in groups.items() if n.endswith("veto") == bool(title)}
        best = max(ours, key=lambda n: pairwise_scores(truth, ours[n]).f1)
        found["splink" + title.replace(" ", "_")] = {
            "at": best, **_theirs(best, world, ours[best], note),
        }  # fmt: skip
    return found


def main() -> None:
    """Reads the arguments and measures."""
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="*", default=DEFAULT)
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--details", action="store_true", help="recall by kind of difficulty")
    given = parser.parse_args()
    sys.path.insert(0, str(FOLDER))
    tools = ["stammkunde", *(t for t in given.tools if t != "stammkunde")]
    output = FOLDER / "out" / "identity.json"
    output.parent.mkdir(exist_ok=True)
    figures = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    for name in given.data:
        figures[name] = measure(name, tools, given.details)
        output.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nfigures in {output}")


if __name__ == "__main__":
    main()
