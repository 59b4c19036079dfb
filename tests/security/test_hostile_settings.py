"""Nothing that stands in a settings file reaches SQL, a path or a spreadsheet unchecked."""

import ast
import re

import pytest
import yaml

from expectations.settings import read_quality_settings
from exports.sync import find_sync, load_sync
from stammkunde.errors import ConfigError
from stammkunde.golden.survivorship import load_survivorship
from stammkunde.hashes import quoted
from stammkunde.home import PROJECT_ROOT

SQL = 'customer"; drop table marts.customer; --'
PACKAGES = ("stammkunde", "ingestion", "ml", "exports", "expectations", "dagster_project")
SYNC = {
    "name": "mailing",
    "exposure": "mailing",
    "model": "customer",
    "key": "customer_id",
    "mapping": {"customer_id": "id"},
    "consent": {"channel": "email", "purpose": "marketing"},
    "destination": {"kind": "file", "formats": ["csv"]},
}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../etc/cron.d/x"},
        {"name": "/tmp/x"},
        {"model": SQL},
        {"model": "customer union select"},
        {"key": SQL},
        {"mapping": {SQL: "id", "customer_id": "x"}},
        {"mapping": {"customer_id": '=HYPERLINK("x")'}},
        {"mapping": {"customer_id": "a\nb"}},
        {"filter": [{"column": SQL, "equals": 1}]},
        {"consent": {"channel": "email", "purpose": SQL}},
        {"destination": {"kind": "file", "formats": ["csv"], "delimiter": "=", "path": "/tmp"}},
    ],
)
def test_a_sync_takes_names_only(tmp_path, change):
    path = tmp_path / "mailing.yml"
    path.write_text(yaml.safe_dump({**SYNC, **change}))
    with pytest.raises(ConfigError):
        load_sync(path)


def test_a_sync_of_another_folder_cannot_be_named(tmp_path):
    (tmp_path / "syncs").mkdir()
    (tmp_path / "mailing.yml").write_text(yaml.safe_dump(SYNC))
    with pytest.raises(ConfigError, match="there is no such sync"):
        find_sync("../mailing", tmp_path / "syncs")


@pytest.mark.parametrize("content", [f"rules: {{email: {{strategy: '{SQL}'}}}}", f"sources: ['{SQL}']"])
def test_survivorship_takes_known_words_only(tmp_path, content):
    path = tmp_path / "survivorship.yml"
    path.write_text(content.replace('"', "x"))
    with pytest.raises(ConfigError):
        load_survivorship(path)


def test_severities_take_known_words_only(tmp_path):
    path = tmp_path / "data_quality.yml"
    path.write_text("severities: {'a.b.c': fatal}")
    with pytest.raises(ConfigError, match="unknown word 'fatal'"):
        read_quality_settings(path)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['true']", "!!python/name:os.system"])
def test_yaml_makes_no_objects(tmp_path, tag):
    path = tmp_path / "data_quality.yml"
    path.write_text(f"severities: {tag}")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_quality_settings(path)


def test_identifiers_cannot_leave_their_quotes():
    assert quoted('a"; drop table b; --') == '"a""; drop table b; --"'


def sources() -> list[tuple[str, str]]:
    return [
        (path.relative_to(PROJECT_ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for package in PACKAGES
        for path in sorted((PROJECT_ROOT / package).rglob("*.py"))
    ]


def test_nothing_listens_beyond_this_machine():
    assert [name for name, text in sources() if re.search(r"0\.0\.0\.0|\"::\"|host=\"\"", text)] == []
    ui = (PROJECT_ROOT / "dagster_project" / "ui.py").read_text(encoding="utf-8")
    assert '"-h", "127.0.0.1"' in ui


def test_nothing_that_runs_what_it_reads_is_imported():
    """XML parsers follow entities, pickle runs code; what is parsed comes from others."""
    parsers = ("xml.etree", "xml.dom", "xml.sax", "lxml", "pickle", "marshal", "shelve", "dill")
    allowed = {("ingestion/demo/dsfinvk.py", "xml.sax.saxutils")}  # escapes text, parses nothing
    wrong = []
    for name, text in sources():
        for node in ast.walk(ast.parse(text)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            wrong += [(name, m) for m in modules if m.startswith(parsers) and (name, m) not in allowed]
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "eval",
                "exec",
                "os.system",
                "yaml.load",
            ):
                wrong.append((name, ast.unparse(node.func)))
    assert wrong == []
