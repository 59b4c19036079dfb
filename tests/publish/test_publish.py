"""Publication: versions, the link, idempotence, refusal, rollback."""

import json
import os
import resource
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from stammkunde.errors import BlockedError, BusyError, UserError
from stammkunde.hashes import table_hashes
from stammkunde.home import Home
from stammkunde.publish import open_published, publish, rollback, versions

AS_OF = date(2026, 11, 20)


def count(home: Home) -> int:
    with open_published(home) as connection:
        return connection.execute("select count(*) from marts.customer").fetchone()[0]


def test_publishes_every_table_with_descriptions_and_meta(home, fill):
    publication = publish(fill(10), home, AS_OF, fingerprint="abc")
    assert publication.changed and publication.rows == {"customer": 10, "sale_line": 30}
    assert home.published_database.is_symlink()
    assert os.readlink(home.published_database) == f"{publication.version}.duckdb"
    with open_published(home) as connection:
        assert connection.execute("select * from meta.publication").fetchall() == [
            (publication.version, AS_OF, "abc")
        ]
        assert connection.execute(
            "select comment from duckdb_tables() where table_name = 'customer'"
        ).fetchall() == [("One row per customer's record",)]
        assert connection.execute(
            "select comment from duckdb_columns() where table_name = 'customer' and column_name = 'name'"
        ).fetchall() == [("Display name",)]
        stored = connection.execute(
            "select table_name, row_count, content_hash from meta.published_table order by 1"
        )
        assert [(t, r, h) for t, r, h in stored.fetchall()] == [
            (t, h.rows, h.hash) for t, h in table_hashes(home.warehouse).items()
        ]


def test_version_is_private_and_read_only(home, fill):
    publication = publish(fill(3), home, AS_OF)
    assert stat.S_IMODE(publication.path.stat().st_mode) == 0o400
    assert stat.S_IMODE(publication.path.with_suffix(".json").stat().st_mode) == 0o600


def test_published_content_equals_the_warehouse(home, fill):
    publication = publish(fill(50), home, AS_OF)
    assert table_hashes(publication.path) == table_hashes(home.warehouse)


def test_same_content_in_another_order_makes_no_new_version(home, fill):
    first = publish(fill(1000), home, AS_OF)
    modified = first.path.stat().st_mtime_ns
    second = publish(fill(1000, rows_reversed=True), home, AS_OF)
    assert (second.version, second.changed) == (first.version, False)
    assert first.path.stat().st_mtime_ns == modified
    assert len(versions(home)) == 1


def test_hash_sees_value_type_name_and_duplicates(tmp_path):
    def hash_of(query: str) -> str:
        path = tmp_path / "one.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"create schema marts; create table marts.t as {query}")
        return table_hashes(path)["t"].hash

    queries = (
        "select 1 as a",
        "select 2 as a",
        "select 1::bigint as a",
        "select 1 as b",
        "select 1 as a union all select 1",
        "select null::integer as a",
        "select 1 as a where false",
    )
    assert len({hash_of(query) for query in queries}) == len(queries)
    assert hash_of("select * from (values (1, 'x'), (2, 'y')) t(a, b)") == hash_of(
        "select * from (values (2, 'y'), (1, 'x')) t(a, b)"
    )


def test_rows_are_read_in_the_same_order_whatever_order_they_came_in(home, fill):
    publish(fill(5000), home, AS_OF)
    with open_published(home) as connection:
        first = connection.execute("select * from marts.customer").fetchall()
    other = Home(home.root.parent / "other").create()
    publish(fill(5000, rows_reversed=True), other, AS_OF)
    with open_published(other) as connection:
        assert connection.execute("select * from marts.customer").fetchall() == first


def test_keeps_the_last_versions_and_their_manifests(home, fill):
    for customers in range(1, 6):
        publication = publish(fill(customers), home, AS_OF, keep=2)
    assert [v.number for v in versions(home)] == [4, 5]
    assert len(publication.removed) == 1
    assert (
        sorted(p.suffix for p in home.published.iterdir() if not p.is_symlink())
        == [".duckdb"] * 2 + [".json"] * 2
    )
    assert count(home) == 5


def test_rollback_to_the_version_before_and_to_a_named_one(home, fill):
    names = [publish(fill(n), home, AS_OF).version for n in (1, 2, 3)]
    assert rollback(home).version == names[1] and count(home) == 2
    assert rollback(home, names[0]).rows["customer"] == 1 and count(home) == 1
    with pytest.raises(UserError, match="no version before"):
        rollback(home)
    with pytest.raises(UserError, match="no version 'nonsense'; kept are"):
        rollback(home, "nonsense")
    again = publish(home.warehouse, home, AS_OF)
    assert again.changed and again.version == names[2] and count(home) == 3


def test_pruning_never_removes_the_version_that_is_current(home, fill):
    first = publish(fill(1), home, AS_OF).version
    publish(fill(2), home, AS_OF)
    rollback(home, first)
    publish(fill(1), home, AS_OF, keep=1)
    assert first in [v.name for v in versions(home)] and count(home) == 1


def test_blocking_failures_leave_the_published_version(home, fill):
    publish(fill(1), home, AS_OF)
    with pytest.raises(BlockedError, match=r"1 blocking checks failed:\n  - marts\.customer"):
        publish(fill(2), home, AS_OF, blocking_failures=["marts.customer customer_id_unique"])
    assert count(home) == 1


def test_without_marts_or_warehouse_there_is_a_clear_error(home):
    with pytest.raises(UserError, match="no warehouse yet"):
        publish(home.warehouse, home, AS_OF)
    duckdb.connect(str(home.warehouse)).close()
    with pytest.raises(UserError, match="no tables yet"):
        publish(home.warehouse, home, AS_OF)
    with pytest.raises(UserError, match="nothing is published yet"), open_published(home):
        pass


def test_home_that_cannot_be_used_is_named(home, fill, tmp_path):
    warehouse = fill(1)
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(UserError, match=r"file/published: cannot be used \(Not a directory\)"):
        publish(warehouse, Home(tmp_path / "file"), AS_OF)


def test_damaged_warehouse_is_a_clear_error(home, fill):
    publish(fill(1), home, AS_OF)
    home.warehouse.write_bytes(b"this is no database" * 1000)
    with pytest.raises(UserError, match="what was published before stays"):
        publish(home.warehouse, home, AS_OF)
    assert count(home) == 1


def test_leftovers_of_a_killed_publication_are_removed(home, fill):
    publish(fill(1), home, AS_OF)
    (home.published / ".publishing-stammkunde-x.duckdb").write_bytes(b"part")
    (home.published / ".publishing-spill").mkdir()
    (home.published / "stammkunde-2026-01-01-0123456789ab.duckdb").write_bytes(b"no manifest, so no version")
    publish(fill(2), home, AS_OF)
    assert len(list(home.published.iterdir())) == 5  # two versions, two manifests, the link


def _in_child(script: str, *arguments: str, limit: int | None = None) -> subprocess.CompletedProcess:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, timeout=120, preexec_fn=limited if limit else None,
    )  # fmt: skip


_PUBLISH = """
import sys
from datetime import date
from pathlib import Path
from stammkunde.errors import UserError
from stammkunde.home import Home
from stammkunde.publish import publish
home = Home(Path(sys.argv[1]))
try:
    publish(home.warehouse, home, date(2026, 11, 20))
except UserError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def test_full_disk_leaves_the_published_version_and_no_part(home, fill):
    publish(fill(5), home, AS_OF)
    before = sorted(p.name for p in home.published.iterdir())
    done = _in_child(_PUBLISH, str(fill(200_000).parent), limit=1_000_000)
    assert done.returncode == 1 and "what was published before stays" in done.stderr, done.stderr
    assert sorted(p.name for p in home.published.iterdir()) == before
    assert count(home) == 5
    assert publish(home.warehouse, home, AS_OF).changed and count(home) == 200_000


def test_warehouse_in_use_by_another_process_is_said(home, fill):
    warehouse = fill(1)
    with duckdb.connect(str(warehouse)):
        done = _in_child(_PUBLISH, str(home.root))
    assert done.returncode == 1 and "BusyError" in done.stderr and "in use by another process" in done.stderr


@pytest.mark.parametrize("step", ["os.replace", "write_manifest", "switch", "remove_old"])
def test_kill_at_each_step_leaves_old_or_new_and_repairs(home, fill, step):
    publish(fill(1), home, AS_OF)
    script = _PUBLISH.replace(
        "home = Home(",
        "import os, signal\n"
        "import stammkunde.publish as module\n"
        "def killed(*arguments, **named): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{'os.replace' if step == 'os.replace' else 'module.' + step} = killed\n"
        "home = Home(",
        1,
    )
    assert _in_child(script, str(fill(2).parent)).returncode == -9
    assert count(home) == (2 if step == "remove_old" else 1)
    publish(home.warehouse, home, AS_OF)
    assert count(home) == 2
    assert [v.number for v in versions(home)] == [1, 2]
    assert not list(home.published.glob(".publishing-*"))


def test_open_reader_in_this_process_keeps_its_version(home, fill):
    publish(fill(1), home, AS_OF)
    with duckdb.connect(str(home.published_database), read_only=True) as old:
        assert old.execute("select count(*) from marts.customer").fetchone() == (1,)
        publish(fill(2), home, AS_OF, keep=1)
        assert old.execute("select count(*) from marts.customer").fetchone() == (1,)
        with duckdb.connect(str(home.published_database), read_only=True) as new:
            assert new.execute("select count(*) from marts.customer").fetchone() == (2,)
        assert count(home) == 2


_READER = """
import json, sys
import duckdb
link, stop = sys.argv[1], sys.argv[2]
import pathlib
held = duckdb.connect(link, read_only=True)
first = held.execute("select count(*) from marts.customer").fetchone()[0]
print("ready", flush=True)
seen, queries = set(), 0
stopped = False
while not stopped:
    stopped = pathlib.Path(stop).exists()  # once more after the last publication
    assert held.execute("select count(distinct customer_id) from marts.customer").fetchone()[0] == first
    with duckdb.connect(link, read_only=True) as fresh:
        customers, lines = fresh.execute(
            "select (select count(*) from marts.customer), (select count(*) from marts.sale_line)").fetchone()
    assert lines == 3 * customers
    seen.add(customers); queries += 2
print(json.dumps([first, sorted(seen), queries]))
"""


def test_second_process_reads_without_error_while_versions_are_published(home, fill, tmp_path: Path):
    publish(fill(1), home, AS_OF)
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, str(home.published_database), str(stop)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert reader.stdout.readline() == "ready\n"
        for customers in range(2, 12):
            publish(fill(customers), home, AS_OF, keep=2)
    finally:
        stop.touch()
        output, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors
    first, seen, queries = json.loads(output)
    assert first == 1 and seen[-1] == 11 and set(seen) <= set(range(1, 12)) and queries >= 4


def test_busy_error_is_a_user_error():
    assert issubclass(BusyError, UserError)
