"""Broken and hostile zips and Parquet files, and things in a folder that are no files."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from good_files import till_members, zipped

Make = Callable[[str], bytes]


def _with(name: str, data: bytes) -> Make:
    return lambda tag: zipped({**till_members(tag), name: data})


def _without(name: str) -> Make:
    return lambda tag: zipped({n: d for n, d in till_members(tag).items() if n != name})


def _member(name: str, change: Callable[[bytes], bytes]) -> Make:
    return lambda tag: zipped({n: change(d) if n == name else d for n, d in till_members(tag).items()})


def _bytes(change: Callable[[bytes], bytes]) -> Make:
    return lambda tag: change(zipped(till_members(tag)))


def _flip(content: bytes) -> bytes:
    """Changes packed data, so that the checksum is wrong."""
    at = content.index(b"lines.csv") + 40
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def _lying_size(content: bytes) -> bytes:
    """The directory claims that the first member is tiny."""
    at = content.index(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", 10) + content[at + 28 :]


def _encrypted(content: bytes) -> bytes:
    """Sets the flag of encryption in every directory entry."""
    found, at = bytearray(content), 0
    while (at := content.find(b"PK\x01\x02", at)) >= 0:
        found[at + 8] |= 1
        at += 4
    return bytes(found)


def _link(tag: str) -> bytes:
    target = io.BytesIO(zipped(till_members(tag)))
    with zipfile.ZipFile(target, "a") as archive:
        info = zipfile.ZipInfo("location.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return target.getvalue()


def _twice(tag: str) -> bytes:
    target = io.BytesIO(zipped(till_members(tag)))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(zipfile.ZipInfo("lines.csv"), till_members(tag)["lines.csv"])
    return target.getvalue()


ZIPS: dict[str, tuple[Make, int]] = {
    "empty": (lambda t: b"", 0),
    "no_zip": (lambda t: b"this is no zip", 0),
    "empty_zip": (lambda t: zipped({}), 0),
    "cut_at_the_end": (_bytes(lambda c: c[:-30]), 0),
    "cut_in_the_middle": (_bytes(lambda c: c[: len(c) // 2]), 0),
    "bytes_before": (_bytes(lambda c: b"MZ executable" + c), 0),
    "bytes_after": (_bytes(lambda c: c + b"\0" * 100), 0),
    "checksum_wrong": (_bytes(_flip), 0),
    "size_is_a_lie": (_bytes(_lying_size), 0),
    "encrypted": (_bytes(_encrypted), 0),
    "bomb": (_with("location.csv", b"Z_KASSE_ID\r\n" + b"0" * 80_000_000), 0),
    "zip_in_a_zip": (lambda t: zipped({"inner.zip": zipped(till_members(t))}), 0),
    "path_upwards": (_with("../../../../tmp/stammkunde_escaped.csv", b"x"), 0),
    "path_absolute": (_with("/tmp/stammkunde_escaped.csv", b"x"), 0),
    "path_of_windows": (_with("..\\..\\stammkunde_escaped.csv", b"x"), 0),
    "drive_letter": (_with("C:\\stammkunde_escaped.csv", b"x"), 0),
    "symbolic_link": (_link, 0),
    "member_twice": (_twice, 0),
    "xml_with_entities": (
        _with(
            "index.xml",
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>',
        ),
        12,
    ),
    "receipts_missing": (_without("transactions.csv"), 0),
    "lines_missing": (_without("lines.csv"), 0),
    "tax_missing": (_without("lines_vat.csv"), 0),
    "receipts_empty": (_member("transactions.csv", lambda d: b""), 0),
    "lines_cut": (_member("lines.csv", lambda d: d[:-25]), 0),
    "lines_without_header": (_member("lines.csv", lambda d: d.partition(b"\n")[2]), 0),
    "lines_in_utf16": (_member("lines.csv", lambda d: d.decode().encode("utf-16")), 0),
    "noise_for_lines": (_member("lines.csv", lambda d: os.urandom(500)), 0),
    "unknown_file": (_with("notes.txt", b"hello"), 12),
    "stored_not_packed": (lambda t: zipped(till_members(t), zipfile.ZIP_STORED), 12),
    "packed_with_lzma": (lambda t: zipped(till_members(t), zipfile.ZIP_LZMA), 0),
    "amounts_are_words": (_member("lines.csv", lambda d: d.replace(b"1.234,56", b"viel")), 12),
    "amounts_in_english": (_member("lines_vat.csv", lambda d: d.replace(b"1.234,56000", b"1,234.56000")), 12),
}
"""Name → content and the records that may not be lost if the export is taken."""


def _table(columns: dict[str, pa.Array]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def _orders(tag: str) -> dict[str, pa.Array]:
    return {
        "order_id": pa.array([f"X{tag}{i}" for i in range(12)]),
        "ordered_at": pa.array([f"2025-03-{i + 1:02}T10:00:00Z" for i in range(12)]),
        "status": pa.array(["done"] * 12),
    }


def _good(tag: str) -> bytes:
    return _table(_orders(tag))


def _column(name: str, values: pa.Array) -> Make:
    """A column of other values or of another type."""
    return lambda tag: _table({**_orders(tag), name: values})


PARQUETS: dict[str, tuple[Make, int]] = {
    "empty": (lambda t: b"", 0),
    "magic_only": (lambda t: b"PAR1", 0),
    "no_parquet": (lambda t: b"PAR1" + b"\0" * 100 + b"PAR1", 0),
    "cut_at_the_end": (lambda t: _good(t)[:-20], 0),
    "cut_in_the_middle": (lambda t: _good(t)[: len(_good(t)) // 2], 0),
    "damaged_inside": (lambda t: _good(t)[:20] + b"\xff" * 30 + _good(t)[50:], 0),
    "footer_too_long": (lambda t: _good(t)[:-8] + b"\xff\xff\xff\x7fPAR1", 0),
    "no_rows": (lambda t: _table({n: c[:0] for n, c in _orders(t).items()}), 0),
    "no_columns_we_know": (lambda t: _table({"zodiac": pa.array(["x"] * 12)}), 0),
    "key_missing": (lambda t: _table({n: c for n, c in _orders(t).items() if n != "order_id"}), 0),
    "key_null": (_column("order_id", pa.nulls(12, pa.string())), 12),
    "numbers_for_texts": (_column("status", pa.array(range(12))), 12),
    "floats_for_ids": (_column("order_id", pa.array([i + 0.5 for i in range(12)])), 12),
    "bytes_for_texts": (_column("status", pa.array([b"\xff\xfe"] * 12)), 0),
    "lists_for_texts": (_column("status", pa.array([["a", "b"]] * 12)), 0),
    "structs_for_texts": (_column("status", pa.array([{"a": 1}] * 12)), 0),
    "dictionaries": (_column("status", pa.array(["done"] * 12).dictionary_encode()), 12),
    "booleans_for_dates": (_column("ordered_at", pa.array([True] * 12)), 12),
    "nanoseconds": (_column("ordered_at", pa.array([10**18 + 1] * 12, pa.timestamp("ns"))), 12),
    "instants_out_of_range": (_column("ordered_at", pa.array([2**62] * 12, pa.timestamp("us"))), 12),
    "milliseconds_out_of_range": (_column("ordered_at", pa.array([2**62] * 12, pa.timestamp("ms"))), 12),
    "days_out_of_range": (_column("ordered_at", pa.array([2**30] * 12, pa.date32())), 12),
    "zone_of_nowhere": (_column("ordered_at", pa.array([10**15] * 12, pa.timestamp("us", "Nowhere/X"))), 0),
    "csv_under_that_name": (lambda t: b"order_id,ordered_at\n1,2025-01-01\n", 0),
}  # fmt: skip
"""Name → content of a Parquet file of orders and the rows that may not be lost if it is taken."""


def add_oddities(folder: Path, suffix: str) -> list[str]:
    """Things that are no regular files, and names that are odd; returns the names that must be mentioned."""
    outside = folder.parent / f"outside_{folder.name}{suffix}"
    outside.write_bytes(b"secret of somebody else")
    (folder / f"link_out{suffix}").symlink_to(outside)
    (folder / f"link_broken{suffix}").symlink_to(folder / "nowhere")
    (folder / f"link_to_a_folder{suffix}").symlink_to(folder.parent)
    os.mkfifo(folder / f"pipe{suffix}")
    (folder / f".hidden{suffix}").write_bytes(b"x")
    (folder / f"upload{suffix}.part").write_bytes(b"x")
    (folder / "notes.docx").write_bytes(b"PK\x03\x04")
    return [
        f"link_out{suffix}", f"link_broken{suffix}", f"link_to_a_folder{suffix}", f"pipe{suffix}",
        f".hidden{suffix}", f"upload{suffix}.part", "notes.docx",
    ]  # fmt: skip
