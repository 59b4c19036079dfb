"""Damaging good files at random, and what must hold whatever a file holds.

Used by the property tests here and, for minutes, by `benchmarks/fuzz.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

from archives import PARQUETS, ZIPS
from damage import OF_KIND
from good_files import FORMATS, Format

from ingestion.contracts import Table, catalogue
from ingestion.extract import Context, FileRead, FileRefused, Message, RejectedRow, Rows
from ingestion.landing import Landing
from ingestion.readers.csv import read_csv
from ingestion.readers.jsonl import read_jsonl
from ingestion.readers.vcard import read_vcards
from ingestion.sources.shop import dsfinvk
from ingestion.sources.webshop.files import read_parquet

AS_OF = date(2026, 11, 20)
_INTERESTING = (
    b"\0", b"\r", b"\n", b"\r\n", b'"', b'""', b";", b",", b"\t", b"\\", b"{", b"}", b"[", b"]", b":",
    b"null", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"1e999", b"-0", b"NaN",
    b"9" * 40, b"0001-01-01", b"BEGIN:VCARD\n", b"END:VCARD\n", b"\\u0000", b"\\ud800", b"PK\x03\x04",
    b"PAR1", b"\x1f\x8b", b"=1+1", b" " * 300,
)  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A few random changes: bits, cuts, repeats, swaps, and pieces that parsers stumble over."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.randrange(256)
            case 2:
                data[at:at] = rng.choice(_INTERESTING)
            case 3:
                del data[at : at + rng.choice((1, 2, 8, 64, 512))]
            case 4:
                end = at + rng.choice((1, 8, 64, 512))
                data[at:at] = data[at:end] * rng.choice((1, 2, 20))
            case 5:
                data[at:] = b""
            case _:
                other = rng.randrange(len(data) + 1)
                length = rng.choice((1, 4, 32))
                data[at : at + length], data[other : other + length] = (
                    data[other : other + length],
                    data[at : at + length],
                )
    return bytes(data)


def seeds(form: Format) -> list[bytes]:
    """What the fuzzer starts from: the good file and every damaged one of its format that is not huge."""
    found = [form.content("s")]
    found += [damage.apply(found[0]) for damage in OF_KIND.get(form.kind, ())]
    found += [make("s") for make, _ in {"zip": ZIPS, "parquet": PARQUETS}.get(form.kind, {}).values()]
    return [content for content in found if len(content) < 100_000]


def table_of(form: Format) -> Table:
    """The contract that the file's rows belong to; for a zip the receipts."""
    names = {
        "leads_csv": "leads", "leads_jsonl": "leads", "vcard": "leads", "orders_parquet": "orders",
        "dsfinvk": "transactions",
    }  # fmt: skip
    return catalogue()[form.source][names.get(form.name, form.name)]


_READERS: dict[str, Callable[..., object]] = {
    "csv": read_csv, "jsonl": read_jsonl, "vcard": read_vcards, "parquet": read_parquet,
}  # fmt: skip


def read(form: Format, content: bytes, folder: Path) -> list[Message]:
    """The reader's messages for a file of this content."""
    path = folder / form.file_name("f")
    path.write_bytes(content)
    context = Context(as_of=AS_OF)
    try:
        if form.kind == "zip":
            return list(dsfinvk.extract(folder, context))
        return list(_READERS[form.kind](path, table_of(form), context, name=path.name))  # type: ignore[call-overload]
    finally:
        path.unlink()


def check(form: Format, content: bytes, folder: Path) -> str:
    """Reads and lands the file; returns read or refused. AssertionError or any other error is a finding."""
    messages = read(form, content, folder)
    fates = [m for m in messages if isinstance(m, FileRead | FileRefused)]
    assert len(fates) == 1, f"{len(fates)} fates of one file"
    arrived = sum(m.data.num_rows for m in messages if isinstance(m, Rows))
    arrived += sum(isinstance(m, RejectedRow) for m in messages)
    tables = catalogue()[form.source]
    with Landing(folder / "landing", form.source, tables, "Europe/Berlin", AS_OF) as landing:
        for message in messages:
            landing.receive(message)
        manifest = landing.commit()
    assert manifest is not None
    counts = [entry.counts for entry in manifest.tables.values()]
    if isinstance(fates[0], FileRefused):
        assert len(fates[0].reason) > 7, "refused without a reason"
        assert sum(c.rows_read for c in counts) == 0, "rows of a refused file"
        return "refused"
    assert sum(c.rows_read for c in counts) == arrived, "rows were lost on the way"
    assert all(c.rows_read == c.rows_loaded + c.rows_quarantined for c in counts)
    return "read"


def form_named(name: str) -> Format:
    """The format of that name."""
    return next(form for form in FORMATS if form.name == name)
