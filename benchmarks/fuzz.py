"""Fuzzes the parsers of all formats for some minutes, guided by the lines of ours that an input reaches.

`python benchmarks/fuzz.py --minutes 10 --seed 1`. Starts from the good and damaged files of `tests/corpus`,
changes them at random and keeps an input that reaches a line of `ingestion/` no earlier one did (the idea of
AFL and libFuzzer, without their instrumentation of C). Every input must be read or refused with each row
accounted for; what breaks this is written to `benchmarks/out/fuzz/`, and the exit status is 1.

A crash of the process itself would end the fuzzer, so a child does the work and says which input it is at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from stammkunde.home import PROJECT_ROOT

sys.path.insert(0, str(PROJECT_ROOT / "tests" / "corpus"))
OUT = PROJECT_ROOT / "benchmarks" / "out" / "fuzz"
_OURS = str(PROJECT_ROOT / "ingestion")
_BATCH_SECONDS = 20.0
_FOUND = 1
"""Exit status of a child that an error ended; it has kept the input."""


def main() -> int:
    """Runs the fuzzer over all formats in turn; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    from good_files import FORMATS

    OUT.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * options.minutes
    totals: Counter[str] = Counter()
    kept: dict[str, list[bytes]] = {}
    round_no = 0
    while time.monotonic() < deadline:
        for form in FORMATS:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            seed = options.seed * 1_000_003 + round_no
            seconds = min(_BATCH_SECONDS, left)
            counts, kept[form.name] = _in_a_child(form.name, seed, seconds, kept.get(form.name, []))
            totals += counts
            print(f"{form.name:<16} round {round_no}: {dict(counts)}", flush=True)
        round_no += 1
    print(json.dumps({"seed": options.seed, "minutes": options.minutes, **totals}))
    return 1 if totals["findings"] else 0


def _in_a_child(name: str, seed: int, seconds: float, kept: list[bytes]) -> tuple[Counter[str], list[bytes]]:
    """One batch in a process of its own; the death of that process is a finding."""
    ours, theirs = multiprocessing.Pipe()
    current = Path(tempfile.mkstemp(prefix="fuzz-")[1])
    child = multiprocessing.Process(target=_fuzz, args=(name, seed, seconds, kept, theirs, current))
    child.start()
    theirs.close()
    try:
        counts, kept = ours.recv()
    except EOFError:
        child.join()
        if child.exitcode != _FOUND:
            _keep(name, current.read_bytes(), f"the process ended with {child.exitcode}")
        counts = Counter(findings=1)
    child.join()
    current.unlink(missing_ok=True)
    return counts, kept


def _fuzz(
    name: str, seed: int, seconds: float, kept: list[bytes], results: Connection, current: Path
) -> None:
    from fuzzing import check, form_named, mutate, seeds

    form, rng = form_named(name), random.Random(f"{name} {seed}")
    pool = [*seeds(form), *kept]
    reached: set[tuple[str, int]] = set()
    counts: Counter[str] = Counter()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        content = mutate(rng.choice(pool), rng)
        if len(content) > 200_000:
            continue
        current.write_bytes(content)
        shutil.rmtree(folder)
        folder.mkdir()
        before = len(reached)
        sys.settrace(_tracer(reached))
        try:
            counts[check(form, content, folder)] += 1
        except Exception as error:
            sys.settrace(None)
            _keep(name, content, f"{type(error).__name__}: {str(error)[:300]}")
            raise
        finally:
            sys.settrace(None)
        if len(reached) > before and len(kept) < 500:
            pool.append(content)
            kept.append(content)
    shutil.rmtree(folder)
    results.send((+counts, kept))


def _tracer(reached: set[tuple[str, int]]) -> Any:
    """Notes each line of ingestion/ that runs; other code is not traced."""

    def lines(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            reached.add((frame.f_code.co_filename, frame.f_lineno))
        return lines

    def calls(frame: FrameType, _event: str, _argument: object) -> Any:
        return lines if frame.f_code.co_filename.startswith(_OURS) else None

    return calls


def _keep(name: str, content: bytes, what: str) -> None:
    digest = hashlib.sha256(content).hexdigest()[:12]
    (OUT / f"{name}-{digest}").write_bytes(content)
    print(f"FINDING {name} {OUT / f'{name}-{digest}'}: {what}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
