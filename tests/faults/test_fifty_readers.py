"""Fifty readers query while ten runs publish: no error, and each sees one version as a whole."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb

from stammkunde.home import Home
from stammkunde.publish import publish

PROCESSES, THREADS = 5, 10
AS_OF = date(2026, 11, 20)

# Every version holds its number in every row of two tables; a mixture of versions would show.
_READERS = """
import json, pathlib, sys, threading
import duckdb
link, stop, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
errors, seen, queries = [], set(), [0] * threads
ready = threading.Barrier(threads + 1)

def read(number):
    ready.wait()
    last = False
    while not last:
        last = stop.exists()
        try:
            with duckdb.connect(link, read_only=True) as connection:
                first = connection.execute(
                    "select min(n), max(n), count(*) from "
                    "(select n from marts.customer union all select n from marts.sale)").fetchone()
                again = connection.execute(
                    "select min(n), max(n), 2 * count(*) from marts.customer").fetchone()
            if not (first[0] == first[1] == again[0] == again[1] and first[2] == again[2]):
                errors.append(f"mixed: {first} {again}")
            seen.add(first[0])
            queries[number] += 2
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
            last = True

workers = [threading.Thread(target=read, args=(n,)) for n in range(threads)]
for worker in workers: worker.start()
ready.wait()
print("ready", flush=True)
for worker in workers: worker.join()
print(json.dumps([errors[:3], sorted(seen), min(queries)]))
"""


def fill(home: Home, number: int) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists marts")
        for table in ("customer", "sale"):
            connection.execute(
                f"create or replace table marts.{table} as select {number} as n, i from range(500) t(i)"
            )


def test_each_reader_sees_one_version(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    fill(home, 0)
    publish(home.warehouse, home, AS_OF, keep=2)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", _READERS, str(home.published_database), str(stop), str(THREADS)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    try:
        for reader in readers:
            assert reader.stdout.readline() == "ready\n"
        for number in range(1, 11):
            fill(home, number)
            publish(home.warehouse, home, AS_OF, keep=2)
    finally:
        stop.touch()
        outputs = [json.loads(reader.communicate(timeout=120)[0]) for reader in readers]
    for errors, seen, fewest in outputs:
        assert errors == []
        assert seen[-1] == 10 and fewest >= 2
    assert len(set().union(*(seen for _, seen, _ in outputs))) > 2, "readers saw versions come and go"
