"""Small DSFinV-K exports for tests, written by hand so that every byte can be broken on purpose."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import duckdb

from ingestion.extract import Context, FileRead, FileRefused, Message, Rows, SourceState
from ingestion.raw import register_raw
from ingestion.run import LoadResult, ingest
from ingestion.sources.shop import dsfinvk
from stammkunde.config import Config
from stammkunde.home import Home

AS_OF = date(2026, 1, 1)
KEY = "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;BON_ID"


def transactions(rows: str | None = None, z_nr: int = 1) -> str:
    header = (
        f"{KEY};BON_NR;BON_TYP;BON_NAME;TERMINAL_ID;BON_STORNO;BON_START;BON_ENDE;BEDIENER_ID;UMS_BRUTTO;"
        "KUNDE_NAME;KUNDE_ID\r\n"
    )
    default = (
        f"K1;2024-03-01T20:00:00;{z_nr};b1;1;Beleg;;T1;0;2024-03-01T10:00:00;2024-03-01T10:01:00;Anna;"
        "1.234,56;Müller;C-7\r\n"
        f"K1;2024-03-01T20:00:00;{z_nr};b2;2;Beleg;;T1;1;2024-03-01T11:00:00.000Z;"
        "2024-03-01T11:01:00+01:00;Anna;-2,00;;\r\n"
    )
    return header + (default if rows is None else rows)


def lines(rows: str | None = None, z_nr: int = 1) -> str:
    header = f"{KEY};POS_ZEILE;ARTIKELTEXT;GV_TYP;P_STORNO;ART_NR;MENGE;FAKTOR;EINHEIT;STK_BR\r\n"
    default = (
        f"K1;2024-03-01T20:00:00;{z_nr};b1;1;Käse;Umsatz;0;A1;1,000;1,000;Stück;1.234,56\r\n"
        f'K1;2024-03-01T20:00:00;{z_nr};b1;2;"Wein; ""rot""";Umsatz;0;A2;2,500;1,000;kg;0,83193\r\n'
        f"K1;2024-03-01T20:00:00;{z_nr};b2;1;Käse;Umsatz;1;A1;-1,000;1,000;Stück;2,00\r\n"
    )
    return header + (default if rows is None else rows)


def lines_vat(rows: str | None = None, z_nr: int = 1) -> str:
    header = f"{KEY};POS_ZEILE;UST_SCHLUESSEL;POS_BRUTTO;POS_NETTO;POS_UST\r\n"
    default = (
        f"K1;2024-03-01T20:00:00;{z_nr};b1;1;1;1.234,56000;1.037,44538;197,11462\r\n"
        f"K1;2024-03-01T20:00:00;{z_nr};b1;2;2;2,07983;1,94377;0,13606\r\n"
        f"K1;2024-03-01T20:00:00;{z_nr};b2;1;1;-2,00;-1,68;-0,32\r\n"
    )
    return header + (default if rows is None else rows)


def files(z_nr: int = 1, **changes: str | bytes | None) -> dict[str, bytes]:
    """The three required files; keywords replace one (`lines=…`), None leaves it out."""
    texts: dict[str, str | bytes | None] = {
        "transactions": transactions(z_nr=z_nr),
        "lines": lines(z_nr=z_nr),
        "lines_vat": lines_vat(z_nr=z_nr),
        **changes,
    }
    return {
        f"{name}.csv": text.encode() if isinstance(text, str) else text
        for name, text in texts.items()
        if text is not None
    }


def write_zip(
    path: Path, content: dict[str, bytes], written: tuple[int, ...] = (2024, 3, 1, 20, 0, 0), prefix: str = ""
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(prefix + name, date_time=written)  # type: ignore[arg-type]
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def extract(folder: Path, known: frozenset[str] = frozenset(), full: bool = False) -> list[Message]:
    context = Context(as_of=AS_OF, state=SourceState(known_files=known), full=full)
    return list(dsfinvk.extract(folder, context))


def refusals(messages: list[Message]) -> list[FileRefused]:
    return [m for m in messages if isinstance(m, FileRefused)]


def reads(messages: list[Message]) -> list[FileRead]:
    return [m for m in messages if isinstance(m, FileRead)]


def rows_of(messages: list[Message], table: str) -> list[Rows]:
    return [m for m in messages if isinstance(m, Rows) and m.table == table]


class Shop:
    """A home and a folder of exports."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home").create()
        self.folder = root / "dsfinvk"
        self.folder.mkdir()
        self.config = Config.model_validate({"sources": {"shop": {"dsfinvk": self.folder}}})
        self.said: list[str] = []

    def ingest(self, full: bool = False) -> LoadResult:
        return ingest("shop", self.config, self.home, AS_OF, self.said.append, full)

    def query(self, sql: str) -> list[tuple]:
        connection = duckdb.connect()
        register_raw(connection, self.home)
        return connection.execute(sql).fetchall()
