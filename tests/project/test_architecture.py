"""Rules of the house that no linter knows (CONTRIBUTING.md)."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("stammkunde", "ingestion", "ml", "exports", "privacy", "expectations")
PACKAGES = (*LIBRARIES, "dagster_project")
CLOCKS = {"now", "utcnow", "today"}


def python_files(*folders: str) -> list[Path]:
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py") if "target" not in p.parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def test_only_the_dagster_project_knows_dagster():
    wrong = {
        name_of(path)
        for path in python_files(*LIBRARIES, "benchmarks")
        for node in nodes(path)
        for module in imported(node)
        if module.split(".")[0] in ("dagster", "dagster_dbt", "dagster_project")
    }
    assert wrong == set()


def test_libraries_import_fast_and_quietly():
    """No orchestrator and no check library is loaded before it is needed, and no connection is opened."""
    script = (
        "import socket, sys\n"
        "def refuse(*arguments): raise AssertionError('a connection at import')\n"
        "socket.socket.connect = refuse\n"
        "import expectations.run, exports.run, stammkunde.publish, stammkunde.config, ingestion.contracts\n"
        "heavy = {'great_expectations', 'dagster', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("folders", "suffix", "limit"),
    [((*PACKAGES, "tests", "benchmarks"), ".py", 300), (("dbt/models", "dbt/tests"), ".sql", 120)],
)
def test_files_stay_short(folders, suffix, limit):
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for path in (ROOT / folder).rglob(f"*{suffix}")
    }
    assert lengths, "no files found"
    assert {name: length for name, length in lengths.items() if length > limit} == {}


def test_no_library_asks_the_clock():
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files(*LIBRARIES)
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            (
                node.func.attr in CLOCKS
                and ast.unparse(node.func.value) in ("datetime", "date", "datetime.datetime")
            )
            or ast.unparse(node.func) == "time.time"
        )
    ]
    assert wrong == []


def test_no_model_asks_the_clock():
    words = "current_date|current_timestamp|current_time|localtimestamp|getdate|now|today|sysdate"
    clock = re.compile(rf"\b({words})\b\s*(\(|,|\n|$)", re.IGNORECASE)
    wrong = []
    for path in sorted((ROOT / "dbt").rglob("*.sql")):
        if "target" in path.parts:
            continue
        text = re.sub(r"/\*.*?\*/|\{#.*?#\}|--[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        wrong += [f"{name_of(path)}: {found.group(1)}" for found in clock.finditer(text)]
    assert wrong == []


def test_marts_never_read_staging():
    marts = list((ROOT / "dbt" / "models" / "marts").rglob("*.sql"))
    assert marts, "no marts found"
    reference = re.compile(r"ref\(\s*['\"]stg_|source\(\s*['\"]raw['\"]")
    allowed = {"data_quality.sql"}  # it tells of the loads themselves
    assert [
        name_of(p) for p in marts if reference.search(p.read_text("utf-8")) and p.name not in allowed
    ] == []


def test_broad_excepts_raise_again():
    """Whoever catches everything cleans up and raises; nothing is swallowed."""
    wrong = []
    for path in python_files(*PACKAGES, "benchmarks"):
        for node in nodes(path):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            if broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert wrong == []


def test_every_skip_has_a_reason_and_nothing_is_expected_to_fail():
    wrong = []
    for path in python_files("tests"):
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and node.attr == "xfail":
                wrong.append(f"{name_of(path)}:{node.lineno} xfail")
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            reasons = [k for k in node.keywords if k.arg == "reason"]
            if called == "pytest.skip" and not (node.args or reasons):
                wrong.append(f"{name_of(path)}:{node.lineno} skip without a reason")
            if called in ("pytest.mark.skip", "pytest.mark.skipif") and not reasons:
                wrong.append(f"{name_of(path)}:{node.lineno} {called} without a reason")
    assert wrong == []


def test_tests_have_unique_names_and_no_package():
    names = [p.name for p in python_files("tests") if p.name != "conftest.py"]
    assert sorted({n for n in names if names.count(n) > 1}) == []
    found = [name_of(p) for folder in ("tests", "dbt") for p in (ROOT / folder).rglob("__init__.py")]
    assert found == [], "a package here hides the library of the same name"


def test_no_address_of_a_registry_is_tracked():
    # In pieces, so that this file holds none either.
    hosts = [
        ".".join(parts)
        for parts in (
            ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
            ("anaconda", "org"), ("crates", "io"), ("ghcr", "io"), ("docker", "io"), ("golang", "org"),
        )
    ]  # fmt: skip
    options = ["--" + name for name in ("index-url", "extra-index-url", "find-links", "trusted-host")]
    wrong = []
    for path in tracked_files():
        content = path.read_bytes()
        wrong += [f"{name_of(path)}: {host}" for host in hosts if host.encode() in content]
        if path.name == "requirements.lock":
            wrong += [f"{name_of(path)}: {option}" for option in options if option.encode() in content]
            wrong += [f"{name_of(path)}: {url}" for url in re.findall(r"https?://\S+", content.decode())]
    assert wrong == []


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def test_links_of_the_documents_lead_somewhere():
    wrong = []
    for path in documents():
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if (
                "://" not in target
                and not target.startswith("mailto:")
                and not (path.parent / target).exists()
            ):
                wrong.append(f"{name_of(path)}: {target}")
    assert wrong == []


def test_paths_named_in_the_documents_exist():
    """A path in backticks that begins with one of our folders and has no placeholder is a file or folder."""
    folders = "|".join((*PACKAGES, "dbt", "docs", "tests", "benchmarks", "config"))
    pattern = re.compile(rf"`((?:{folders})/[A-Za-z0-9_./-]*)`")
    users_own = {"config/stammkunde.yml", "config/destinations.yml"}
    wrong = [
        f"{name_of(path)}: {named}"
        for path in documents()
        for named in pattern.findall(path.read_text(encoding="utf-8"))
        if named not in users_own and not (ROOT / named).exists()
    ]
    assert wrong == []


def test_commands_named_in_the_documents_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    command_line = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "dagster_project").glob("cli*.py"))
    )
    commands = set(re.findall(r"@app\.command\(\)\s*def ([a-z_]+)", command_line))
    commands |= set(re.findall(r"@app\.command\(\s*\"([a-z_-]+)\"", command_line))
    commands |= set(re.findall(r"add_typer\([^)]*name=\"([a-z_-]+)\"", command_line))
    wrong = []
    for path in documents():
        text = path.read_text(encoding="utf-8")
        wrong += [
            f"{name_of(path)}: make {t}" for t in re.findall(r"`make ([a-z]+)`", text) if t not in targets
        ]
        named = re.findall(r"`stammkunde ([a-z]+)", text)
        wrong += [f"{name_of(path)}: stammkunde {c}" for c in named if c not in commands]
    assert wrong == []
