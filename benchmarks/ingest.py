"""How fast receipts and loyalty members land: 10M receipt lines, 1M members, from files made here.

    .venv/bin/python benchmarks/ingest.py [--lines 10000000] [--members 1000000] [--directory DIR] [--keep]

Makes DSFinV-K zips (one closing of about 33,000 lines each, deflated, with all columns) and a
loyalty file, ingests them into an empty home in a process of its own, reads them back through the raw views,
and prints and writes (`benchmarks/out/ingest.json`) rows per second, CPU seconds and that process's peak
memory. Making the input is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

LINES_PER_CLOSING = 33_333
OUT = Path(__file__).resolve().parent / "out" / "ingest.json"

_SETUP = """
create temp table receipt_line as
select
    i as line_no, i // 3 as receipt, i % 3 + 1 as position, hash(i, {closing}) as h,
    'KASSE-{till:02d}' as till, timestamp '2023-01-02 20:00:00' + interval ({day}) day as closed_at,
    closed_at - interval 11 hour + interval (receipt) second as started_at,
    ((hash(i, {closing}) % 9000) + 99)::bigint as cents
from range({lines}) as t(i)
"""
_AMOUNT = "replace(printf('%d.%02d', {0} // 100, {0} % 100), '.', ',') || '000'"
_KEY = (
    'till as "Z_KASSE_ID", '
    'strftime(closed_at, \'%Y-%m-%dT%H:%M:%S\') as "Z_ERSTELLUNG", {closing} as "Z_NR", '
    "'{closing:05d}-' || receipt as \"BON_ID\""
)
_MEMBERS = {
    "transactions.csv": """
        select {key}, receipt as "BON_NR", 'Beleg' as "BON_TYP", '' as "BON_NAME", till as "TERMINAL_ID",
            0 as "BON_STORNO",
            strftime(started_at, '%Y-%m-%dT%H:%M:%S') as "BON_START",
            strftime(started_at + interval 40 second, '%Y-%m-%dT%H:%M:%S') as "BON_ENDE",
            'B' || h % 9 as "BEDIENER_ID", 'Frau Öztürk' as "BEDIENER_NAME",
            replace(printf('%d.%02d', cents // 100, cents % 100), '.', ',') as "UMS_BRUTTO",
            '' as "KUNDE_NAME",
            case when h % 10 < 6 then 'K' || (h % {members}) else '' end as "KUNDE_ID", '' as "KUNDE_TYP",
            '' as "KUNDE_STRASSE", '' as "KUNDE_PLZ", '' as "KUNDE_ORT", 'DEU' as "KUNDE_LAND",
            '' as "KUNDE_USTID", '' as "BON_NOTIZ"
        from receipt_line where position = 1 order by line_no""",
    "lines.csv": """
        select {key}, position as "POS_ZEILE", '' as "GUTSCHEIN_NR",
            'Artikel für jeden Tag ' || h % 5000 as "ARTIKELTEXT", till as "POS_TERMINAL_ID",
            case when h % 25 = 0 then 'Rabatt' else 'Umsatz' end as "GV_TYP", '' as "GV_NAME", 0 as "INHAUS",
            case when h % 97 = 0 then 1 else 0 end as "P_STORNO", '' as "AGENTUR_ID",
            'A' || h % 5000 as "ART_NR", 4000000000000 + h % 5000 as "GTIN",
            h % 40 as "WARENGR_ID", 'Warengruppe ' || h % 40 as "WARENGR",
            '1,000' as "MENGE", '1,000' as "FAKTOR", 'Stück' as "EINHEIT", {amount} as "STK_BR"
        from receipt_line order by line_no""",
    "lines_vat.csv": """
        select {key}, position as "POS_ZEILE", 1 + h % 2 as "UST_SCHLUESSEL", {amount} as "POS_BRUTTO",
            {net} as "POS_NETTO", {vat} as "POS_UST"
        from receipt_line order by line_no""",
}  # fmt: skip


def make_input(directory: Path, lines: int, members: int) -> dict[str, int]:
    """Writes the tills' and the loyalty card's folders; returns how many rows of each table stand in them."""
    tills, loyalty = directory / "dsfinvk", directory / "loyalty"
    tills.mkdir(parents=True)
    loyalty.mkdir()
    closings = max(1, round(lines / LINES_PER_CLOSING))
    share = [lines // closings + (i < lines % closings) for i in range(closings)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda i: _make_zip(tills, i, share[i], members), range(closings)))
    _make_loyalty(loyalty / "members.csv", members)
    receipts = sum(-(-count // 3) for count in share)
    return {
        "lines": lines,
        "lines_vat": lines,
        "transactions": receipts,
        "loyalty": members,
        "zips": closings,
    }


def _make_zip(folder: Path, closing: int, lines: int, members: int) -> None:
    connection = duckdb.connect(config={"threads": 1})
    till, day = closing % 10 + 1, closing // 10
    connection.execute(_SETUP.format(closing=closing, till=till, day=day, lines=lines))
    texts = {
        "key": _KEY.format(closing=closing),
        "members": members,
        "amount": _AMOUNT.format("cents"),
        "net": _AMOUNT.format("(cents * 100 // 119)"),
        "vat": _AMOUNT.format("(cents - cents * 100 // 119)"),
    }
    path = folder / f"till-{till:02d}-{day:04d}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, query in _MEMBERS.items():
            plain = folder / f"{path.stem}.{name}"
            connection.execute(f"copy ({query.format(**texts)}) to '{plain}' (header, delimiter ';')")
            info = zipfile.ZipInfo(
                name, date_time=(2023 + day // 336, 1 + day % 336 // 28, 1 + day % 28, 20, 0, 0)
            )
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, plain.read_bytes().replace(b"\n", b"\r\n"))
            plain.unlink()
    connection.close()


def _make_loyalty(path: Path, members: int) -> None:
    duckdb.connect().execute(
        f"""
        copy (
            select 'M' || i as member_no, 'K' || i as card_no, 'Vorname' || h % 3000 as first_name,
                'Müller-' || h % 40000 as last_name,
                strftime(date '1940-01-01' + (h % 22000)::int, '%d.%m.%Y') as birth_date,
                'kunde' || i || '@example.org' as email, '+49 170 ' || (1000000 + h % 8999999) as phone,
                'Straße ' || h % 9000 as street, lpad((h % 99999)::varchar, 5, '0') as postal_code,
                'Ort ' || h % 5000 as city, 'DE' as country, h % 40 as store_id,
                strftime(timestamp '2015-01-01' + interval (h % 3000) day, '%Y-%m-%dT%H:%M:%S') as issued_at,
                strftime(timestamp '2024-01-01' + interval (h % 900) day, '%Y-%m-%dT%H:%M:%S') as updated_at,
                'ja' as consent_email, 'nein' as consent_post, 'nein' as consent_phone
            from (select i, hash(i) as h from range({members}) as t(i)) order by i
        ) to '{path}' (header, delimiter ';')
        """
    )


def measure(directory: Path) -> dict[str, object]:
    """Ingests the input in this process and reads it back through the raw views."""
    from ingestion.raw import register_raw
    from ingestion.run import ingest
    from stammkunde.config import Config
    from stammkunde.home import Home

    home = Home(directory / "home").create()
    shop = {"dsfinvk": directory / "dsfinvk", "loyalty": directory / "loyalty"}
    config = Config.model_validate({"sources": {"shop": shop}})
    started = time.perf_counter()
    result = ingest("shop", config, home, date(2026, 1, 1), lambda text: print(text, file=sys.stderr))
    landed = time.perf_counter()
    connection = duckdb.connect()
    register_raw(connection, home)
    read = {
        table: connection.execute(f"select count(*) from raw.shop__{table}").fetchone()[0]
        for table in ("lines", "lines_vat", "transactions", "loyalty")
    }
    turnover = connection.execute("select sum(pos_brutto) from raw.shop__lines_vat").fetchone()[0]
    queried = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    landing_bytes = sum(p.stat().st_size for p in home.landing.rglob("*") if p.is_file())
    return {
        "seconds": round(landed - started, 2),
        "read_back_seconds": round(queried - landed, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_memory_mb": round(usage.ru_maxrss / 1024),
        "landing_mb": round(landing_bytes / 1e6),
        "rows": read,
        "turnover": str(turnover),
        "rows_read": result.total.rows_read,
        "rows_loaded": result.total.rows_loaded,
        "rows_quarantined": result.total.rows_quarantined,
    }


def stage(directory: Path) -> dict[str, object]:
    """Builds the staging models of the shop from the landed files, with dbt, in the home's warehouse."""
    from ingestion.raw import register_raw
    from stammkunde.home import PROJECT_ROOT, Home
    from stammkunde.warehouse import open_warehouse

    home = Home(directory / "home")
    dbt = PROJECT_ROOT / "dbt"
    with open_warehouse(home.warehouse) as connection:
        register_raw(connection, home)
    started = time.perf_counter()
    subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "--quiet", "run", "--select", "path:models/staging/shop",
         "--vars", json.dumps({"as_of": "2026-01-01"}), "--target-path", str(directory / "dbt_target"),
         "--project-dir", str(dbt), "--profiles-dir", str(dbt)],
        check=True,
        env={**os.environ, "STAMMKUNDE_WAREHOUSE": str(home.warehouse)},
    )  # fmt: skip
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with open_warehouse(home.warehouse, read_only=True) as connection:
        staged = connection.execute("select count(*) from staging.stg_shop__receipt_lines").fetchone()[0]
    return {
        "staging_seconds": round(seconds, 2),
        "staging_peak_memory_mb": round(peak / 1024),
        "staged_lines": staged,
    }


def _in_own_process(step: str, directory: Path) -> dict[str, Any]:
    """Peak memory is the process's own, so each step gets one."""
    command = [sys.executable, __file__, "--measure", step, "--directory", str(directory)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> int:
    """Makes the input, measures in a fresh process, reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where the files go (default: a temporary directory)")
    parser.add_argument("--keep", action="store_true", help="keep the files; an existing input is used again")
    parser.add_argument("--measure", choices=["landing", "staging"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        step = measure if options.measure == "landing" else stage
        print(json.dumps(step(options.directory)))
        return 0
    directory = options.directory or Path(tempfile.mkdtemp(prefix="stammkunde-ingest-"))
    facts = directory / "input.json"
    try:
        if not facts.exists():
            print(f"making {options.lines:,} receipt lines in {directory} …", file=sys.stderr)
            facts_content = make_input(directory, options.lines, options.members)
            facts.write_text(json.dumps(facts_content))
        expected = json.loads(facts.read_text())
        shutil.rmtree(directory / "home", ignore_errors=True)
        result = _in_own_process("landing", directory) | _in_own_process("staging", directory)
    finally:
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
    complete = all(result["rows"][table] == expected[table] for table in result["rows"])
    result |= {
        "cores": os.cpu_count(),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "input": expected,
        "complete": complete,
        "receipt_lines_per_second": round(expected["lines"] / result["seconds"]),
        "all_rows_per_second": round(result["rows_read"] / result["seconds"]),
        "receipt_lines_per_second_with_staging": round(
            expected["lines"] / (result["seconds"] + result["staging_seconds"])
        ),
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
