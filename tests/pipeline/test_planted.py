"""What must not be anywhere: secrets in the whole home, personal values in logs and in Dagster's storage."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import duckdb
import pytest
from installation import STAMMKUNDE, Installation

pytestmark = pytest.mark.slow

# The demo's own systems: its servers' files and the secrets they are started with.
OF_THE_DEMO = ("demo", "run")
TOLD = ("logs", "dagster", "reports", "dbt_target")
_EMAIL = re.compile(rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_PHONE = re.compile(rb"\+\d{8,15}")


def files(home: Path, *folders: str) -> list[Path]:
    roots = [home / folder for folder in folders] or [
        path for path in home.iterdir() if path.name not in OF_THE_DEMO
    ]
    found = [root for root in roots if root.is_file()]
    found += [path for root in roots if root.is_dir() for path in root.rglob("*") if path.is_file()]
    assert found
    return found


def test_the_demos_secret_is_nowhere_in_the_home(demo: Installation) -> None:
    lines = (demo.home.demo / "secrets.env").read_text().splitlines()
    secrets = [value.encode() for _, _, value in (line.partition("=") for line in lines) if len(value) > 20]
    assert secrets
    holding = [p for p in files(demo.home.root) if any(secret in p.read_bytes() for secret in secrets)]
    assert holding == []


def test_a_password_in_the_environment_is_told_by_no_failure(tmp_path: Path) -> None:
    home = tmp_path / "home"
    config = tmp_path / "stammkunde.yml"
    config.write_text(
        "as_of: 2026-06-01\nsources:\n  branch: {url: '${ERP_URL}'}\n  webshop: {platform: shopware, "
        "url: 'http://127.0.0.1:9', client_id: '${SHOP_ID}', client_secret: '${SHOP_SECRET}'}\n"
    )
    planted = ["planted-password-4711", "planted-shop-secret-0815"]
    done = subprocess.run(
        [STAMMKUNDE, "run", "--config", str(config)],
        env={
            **os.environ, "STAMMKUNDE_HOME": str(home), "SHOP_ID": "SWIA", "SHOP_SECRET": planted[1],
            "ERP_URL": f"postgresql+psycopg://reader:{planted[0]}@127.0.0.1:9/erp",
        },
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1 and "branch" in done.stderr, "it must fail, with the sources away"
    told = {path: path.read_bytes() for path in files(home)}
    told[Path("output")] = (done.stdout + done.stderr).encode()
    assert [str(p) for p, content in told.items() if any(s.encode() in content for s in planted)] == []


def test_no_address_or_number_of_a_person_is_in_logs_dagsters_storage_or_reports(demo: Installation) -> None:
    with duckdb.connect(str(demo.home.warehouse), read_only=True) as warehouse:
        rows = warehouse.execute(
            "select distinct lower(email), phone, mobile from identity.int_source_records"
        ).fetchall()
        golden = warehouse.execute("select distinct email, phone from marts.customer").fetchall()
    values = {value.encode() for row in [*rows, *golden] for value in row if value and len(value) > 7}
    assert len(values) > 300
    told = []
    for path in files(demo.home.root, *TOLD):
        content = path.read_bytes()
        tokens = {token.lower() for token in _EMAIL.findall(content)} | set(_PHONE.findall(content))
        told += [path.relative_to(demo.home.root).as_posix() for _ in tokens & values]
    assert sorted(set(told)) == []


def test_every_file_of_the_home_is_its_owners_only(demo: Installation) -> None:
    open_files = [
        path.relative_to(demo.home.root).as_posix()
        for path in files(demo.home.root)
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_symlink()
    ]
    assert open_files == []


def test_a_report_without_a_server_is_written_with_the_run(demo: Installation) -> None:
    archived = sorted(path.name for path in demo.home.reports.iterdir())
    assert archived == ["data-quality-2026-11-01.html", "data-quality.html"]
    page = (demo.home.reports / "data-quality.html").read_text()
    assert "What gaps cost" in page and "branch" in page and "EUR" in page
    assert not re.findall(r"<script|src=|href=|url\(|@import", page), "it must need nothing but itself"
