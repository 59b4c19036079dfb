"""A few of the kills of `benchmarks/faults.py`, on a small pipeline: at counted steps, drawn from a seed."""

import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
import small_pipeline

from stammkunde.home import PROJECT_ROOT, Home

sys.path.insert(0, str(PROJECT_ROOT / "benchmarks"))
import fault_campaign

KILLS = int(os.environ.get("STAMMKUNDE_TEST_KILLS_SMALL", "12"))
SEED = int(os.environ.get("STAMMKUNDE_TEST_SEED", "20261122"))
HEADER = "member_no;last_name;birth_date;updated_at\n"


def fill(root: Path, part: int) -> None:
    """New files at the sources: a good and a bad row in each, the second part with a corrected first file."""
    for folder in ("loyalty", "leads"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(3 * part, 3 * part + 3):
        rows = "".join(f"M{number}-{i};Name{i};{1 + i}.02.1980;01.01.2026\n" for i in range(30))
        (root / "loyalty" / f"{number}.csv").write_text(HEADER + rows)
    lead = {"captured_at": "2026-01-02T10:00:00Z", "source": "form", "last_name": "Muster"}
    lines = [json.dumps({**lead, "lead_id": f"L{part}-{i}"}) for i in range(20)] + ['{"lead_id": "broken"}']
    (root / "leads" / f"{part}.jsonl").write_text("\n".join(lines) + "\n")
    if part:
        (root / "loyalty" / "0.csv").write_text(HEADER + "M0-0;Name0;01.02.1980;01.01.2026\n")


def stammkunde(root: Path, at: int = 0, delay_ms: float = 0.0) -> fault_campaign.Outcome:
    command = [sys.executable, str(Path(small_pipeline.__file__)), str(root)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    return fault_campaign.run_until(command, environment, root / "steps", at, delay_ms)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, list[str | None], list, list[int]]:
    """A home after two days of deliveries; its published contents, rows and steps of each day."""
    root = tmp_path_factory.mktemp("undisturbed")
    contents, steps = [None], []
    for day in (0, 1):
        fill(root, day)
        outcome = stammkunde(root)
        assert outcome.status == 0, outcome.output
        steps.append(outcome.steps)
        contents.append(fault_campaign.published_hash(Home(root / "home")))
    assert min(steps) > 50 and len(set(contents)) == 3
    return root, contents, fault_campaign.landed_rows(Home(root / "home")), steps


def test_killed_at_any_step_nothing_is_lost_doubled_or_wrong(undisturbed, tmp_path):
    _, contents, rows, steps = undisturbed
    points = random.Random(SEED)
    kills = 0
    while kills < KILLS:
        root = tmp_path / "victim"
        shutil.rmtree(root, ignore_errors=True)
        for day in (0, 1):
            fill(root, day)
            allowed = (contents[day], contents[day + 1])
            while True:
                at = points.randint(1, steps[day]) if kills < KILLS else 0
                outcome = stammkunde(root, at, points.choice((0, points.uniform(0, 20))))
                if not outcome.killed:
                    assert outcome.status == 0, outcome.output
                    break
                kills += 1
                if (root / "home" / "landing").exists():
                    assert fault_campaign.faults(Home(root / "home"), allowed) == []
            assert fault_campaign.faults(Home(root / "home"), allowed[1:]) == []
        assert fault_campaign.landed_rows(Home(root / "home")) == rows
    print(f"seed {SEED}: {kills} kills in {sum(steps)} steps of two days")


def test_the_campaign_sees_a_lost_row_a_doubled_one_and_a_wrong_publication(undisturbed, tmp_path):
    """What finds nothing must be able to find something."""
    root, contents, rows, _ = undisturbed
    shutil.copytree(root, tmp_path / "copy", symlinks=True)
    home = Home(tmp_path / "copy" / "home")
    assert fault_campaign.faults(home, contents[2:]) == []
    assert "neither the version before nor the new one" in fault_campaign.faults(home, contents[:2])[0]
    part = next((home.landing / "shop" / "000001" / "loyalty").glob("*.parquet"))
    shutil.copy(part, part.with_name("part-99999.parquet"))
    assert fault_campaign.landed_rows(home) != rows
    assert "other rows than the manifest counts" in fault_campaign.faults(home, contents[2:])[0]
    shutil.rmtree(part.parent)
    assert "other rows than the manifest counts" in fault_campaign.faults(home, contents[2:])[0]
