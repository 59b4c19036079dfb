"""`stammkunde doctor`: looks at everything a run needs before a run needs it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster_project.settings import check_settings
from stammkunde.config import Config, load_config
from stammkunde.errors import ConfigError
from stammkunde.home import Home

DISK_WANTED_GIB = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    good: bool
    text: str


def examine(home: Home, config_path: Path) -> list[Finding]:
    """Findings on disk, permissions, configuration and each source, in this order."""
    findings = [_disk(home), _permissions(home)]
    if config_path.resolve().parent == home.demo and config_path.exists():
        from ingestion.demo.servers import load_secrets

        load_secrets(home)
    try:
        config = load_config(config_path)
    except ConfigError as error:
        return [*findings, Finding(False, str(error))]
    findings.append(Finding(True, f"configuration {config_path}"))
    try:
        check_settings()
    except ConfigError as error:
        findings.append(Finding(False, str(error)))
    return findings + _sources(config)


def _disk(home: Home) -> Finding:
    root = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(root).free / 2**30
    return Finding(free >= DISK_WANTED_GIB, f"{free:.0f} GiB free at {root} (wanted: {DISK_WANTED_GIB})")


def _permissions(home: Home) -> Finding:
    if not home.root.exists():
        return Finding(True, f"{home.root} does not exist yet; the first run makes it")
    private = home.root.stat().st_mode & 0o077 == 0
    text = "readable by its owner only" if private else f"readable by others; chmod 700 {home.root}"
    return Finding(private, f"{home.root} is {text}")


def _sources(config: Config) -> list[Finding]:
    findings = []
    for name in type(config.sources).model_fields:
        settings = getattr(config.sources, name)
        if settings is None:
            findings.append(Finding(True, f"source {name} is not configured, so it is absent"))
        else:
            findings += _source(name, settings)
    return findings


def _source(name: str, settings: Any) -> list[Finding]:
    if name == "branch":
        return [_database(settings.url.get_secret_value())]
    if getattr(settings, "platform", "") == "shopware":
        return [_webshop(settings.url)]
    findings = []
    for field in type(settings).model_fields:
        path = getattr(settings, field)
        if isinstance(path, Path):
            findings.append(
                Finding(
                    path.is_dir(), f"source {name}: folder {path}" + ("" if path.is_dir() else " is missing")
                )
            )
    return findings


def _database(url: str) -> Finding:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    shown = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        return Finding(False, f"source branch: {shown} does not answer ({type(cause).__name__})")
    finally:
        engine.dispose()
    return Finding(True, f"source branch: {shown}")


def _webshop(url: str) -> Finding:
    import httpx

    try:
        status = httpx.get(url, timeout=5).status_code
    except httpx.HTTPError as error:
        return Finding(False, f"source webshop: {url} does not answer ({type(error).__name__})")
    return Finding(status < 500, f"source webshop: {url} answers with status {status}")
