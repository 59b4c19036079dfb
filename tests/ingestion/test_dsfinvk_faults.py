"""Exports that cannot be trusted are refused as a whole, with the reason and the line."""

from __future__ import annotations

import struct
import zipfile

import pytest
from tills import (
    KEY,
    Shop,
    extract,
    files,
    lines,
    lines_vat,
    reads,
    refusals,
    rows_of,
    transactions,
    write_zip,
)

from ingestion.sources.shop import export as export_module

GOOD = "K1;2024-03-01T20:00:00;1;b1;1;1;5,00;4,20;0,80\r\n"


def refusal(folder):
    messages = extract(folder)
    assert reads(messages) == []
    (found,) = refusals(messages)
    return found


def bytes_of(tmp_path, **changes):
    return write_zip(tmp_path / "x" / "good.zip", files(**changes)).read_bytes()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    return path


def test_a_truncated_zip(folder, tmp_path):
    whole = bytes_of(tmp_path)
    (folder / "a.zip").write_bytes(whole[: len(whole) // 2])
    found = refusal(folder)
    assert found.file == "a.zip"
    assert "cut off" in found.reason


def test_not_a_zip(folder):
    (folder / "a.zip").write_bytes(b"<html>Error 500</html>")
    assert refusal(folder).reason == "not a zip file"


def test_an_empty_zip_file(folder):
    (folder / "a.zip").write_bytes(b"")
    assert refusal(folder).reason == "the file is empty"


def test_a_zip_whose_content_is_damaged(folder, tmp_path):
    whole = bytearray(bytes_of(tmp_path))
    with zipfile.ZipFile(tmp_path / "x" / "good.zip") as archive:
        info = archive.getinfo("lines.csv")
    start = info.header_offset + 30 + len(info.filename)
    for at in range(start + 20, start + 30):
        whole[at] ^= 0xFF
    (folder / "a.zip").write_bytes(whole)
    found = refusal(folder)
    assert "lines.csv is damaged" in found.reason
    assert found.table == "lines"


def test_a_zip_with_a_wrong_checksum(folder, tmp_path):
    path = tmp_path / "x" / "stored.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files().items():
            archive.writestr(name, data)
    whole = path.read_bytes()
    assert whole.count(b"4,20") == 0
    (folder / "a.zip").write_bytes(whole.replace(b"1.234,56;M", b"9.234,56;M"))
    assert "Bad CRC" in refusal(folder).reason


def test_an_encrypted_zip(folder, tmp_path):
    whole = bytearray(bytes_of(tmp_path))
    position = 0
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        while (position := whole.find(signature, position)) >= 0:
            flags = struct.unpack_from("<H", whole, position + offset)[0] | 1
            struct.pack_into("<H", whole, position + offset, flags)
            position += 4
        position = 0
    (folder / "a.zip").write_bytes(whole)
    assert "encrypted" in refusal(folder).reason


@pytest.mark.parametrize(
    "name", ["../../etc/lines.csv", "/etc/lines.csv", "C:\\lines.csv", "a\\..\\..\\lines.csv"]
)
def test_a_name_that_leads_out_of_the_zip(folder, name):
    write_zip(folder / "a.zip", {**files(), name: b"x"})
    assert "leads out of it" in refusal(folder).reason


def test_a_zip_bomb(folder, monkeypatch):
    monkeypatch.setattr(export_module, "_BOMB_BYTES", 100_000)
    bomb = lines() + "K1;2024-03-01T20:00:00;1;b1;9;;Umsatz;0;;;;;\r\n" * 1_000_000
    write_zip(folder / "a.zip", files(lines=bomb))
    assert "times its size" in refusal(folder).reason


def test_a_member_that_is_too_large(folder, monkeypatch):
    monkeypatch.setattr(export_module, "MAX_MEMBER_BYTES", 100)
    write_zip(folder / "a.zip", files())
    assert "at most 100 are read" in refusal(folder).reason


def test_a_link_in_a_zip(folder):
    write_zip(folder / "a.zip", files())
    with zipfile.ZipFile(folder / "a.zip", "a") as archive:
        info = zipfile.ZipInfo("link.csv")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert "a link" in refusal(folder).reason


def test_zips_in_a_zip(folder, tmp_path):
    write_zip(folder / "a.zip", {"closing.zip": bytes_of(tmp_path)})
    assert "other zips" in refusal(folder).reason


@pytest.mark.parametrize("missing", ["transactions", "lines", "lines_vat"])
def test_a_required_file_is_missing(folder, missing):
    write_zip(folder / "a.zip", files(**{missing: None}))
    assert refusal(folder).reason == f"{missing}.csv is missing"


def test_a_folder_without_a_required_file(folder):
    for name, data in files(lines_vat=None).items():
        (folder / name).write_bytes(data)
    assert refusal(folder).reason == "lines_vat.csv is missing"


def test_a_zip_without_any_receipts(folder):
    write_zip(folder / "a.zip", {"holiday.jpg": b"x"})
    assert "not a DSFinV-K export" in refusal(folder).reason


@pytest.mark.parametrize(
    ("changes", "reason", "line"),
    [
        ({"lines": lines().replace("POS_ZEILE", "ZEILE")}, "lines.csv: the column POS_ZEILE is missing", 1),
        ({"lines": lines().replace(";", ",")}, "the column Z_KASSE_ID is missing (columns are separated", 1),
        ({"lines_vat": lines_vat().replace("POS_UST", "POS_NETTO")}, "the header names POS_NETTO twice", 1),
        ({"transactions": ""}, "transactions.csv: the file is empty", None),
        (
            {"lines_vat": lines_vat(GOOD + GOOD[:20])},
            "line 3 has 2 columns, the header 9: the file is cut",
            3,
        ),
        ({"lines_vat": lines_vat(GOOD + "a;b\r\n" + GOOD)}, "line 3 has 2 columns, the header 9", 3),
        ({"lines_vat": lines_vat(GOOD + "x;" + GOOD)}, "line 3 has 10 columns, the header 9", 3),
        ({"lines_vat": lines_vat(GOOD)[:-4]}, "line 2 has no end: the file is cut off", 2),
        (
            {"lines_vat": lines_vat(GOOD + GOOD.replace("b1", '"b1'))},
            "line 3: a quote is opened and never",
            3,
        ),
        (
            {"lines_vat": lines_vat(GOOD.replace("0,80", '"0,80') + GOOD)},
            "line 2: a quote is opened and never",
            2,
        ),
        (
            {"lines_vat": lines_vat(GOOD.replace("0,80", '"0,80') + GOOD.replace("5,00", '"5,00"'))},
            "line 2: quotes are not closed properly",
            2,
        ),
        ({"lines_vat": lines_vat(GOOD + GOOD.replace("b1", "b\0"))}, "line 3 holds NUL bytes", 3),
        ({"lines": lines().encode("utf-16")}, "UTF-16", 1),
        ({"lines": (lines() + lines("")).encode() + "Käse".encode("cp1252") + b"\r\n"}, "mixes UTF-8 and", 2),
        ({"lines": lines().replace("Käse", "K\x81se").encode("latin-1")}, "line 2 is neither UTF-8 nor", 2),
    ],
    ids=lambda value: value[:40].replace(" ", "_") if isinstance(value, str) else None,
)
def test_a_csv_file_that_cannot_be_trusted(folder, changes, reason, line):
    write_zip(folder / "a.zip", files(**changes))
    found = refusal(folder)
    assert reason in found.reason
    assert found.line == line
    assert found.file == "a.zip"


@pytest.mark.parametrize("quote", ["", '"'])
def test_ten_megabytes_in_one_field(folder, quote):
    giant = f"K1;2024-03-01T20:00:00;1;b1;1;{quote}{'x' * 10_000_000}{quote};Umsatz;0;;;;;\r\n"
    good = "K1;2024-03-01T20:00:00;1;b1;1;kurz;Umsatz;0;;;;;\r\n"
    write_zip(folder / "a.zip", files(lines=lines(good + giant + good)))
    found = refusal(folder)
    assert "line 3: ARTIKELTEXT is longer than 131,072 bytes" in found.reason
    assert found.line == 3


def test_blocks_that_disagree_on_the_encoding(folder, monkeypatch):
    monkeypatch.setattr("ingestion.sources.shop.members.BLOCK_BYTES", 200)
    row = "K1;2024-03-01T20:00:00;1;b{};1;Käse;Umsatz;0;;;;;\r\n"
    text = "".join(row.format(n) for n in range(20))
    write_zip(folder / "a.zip", files(lines=lines("").encode() + text.encode() + text.encode("cp1252")))
    assert "mixes UTF-8 and Windows-1252" in refusal(folder).reason


def test_nothing_of_a_refused_export_is_taken(tmp_path):
    shop = Shop(tmp_path)
    write_zip(shop.folder / "bad.zip", files(lines_vat=lines_vat(GOOD + GOOD[:20])))
    write_zip(shop.folder / "good.zip", files(z_nr=2))
    result = shop.ingest()
    assert result.tables["lines_vat"].files_refused == 1
    for table in ("transactions", "lines", "lines_vat"):
        assert shop.query(f"select distinct z_nr from raw.shop__{table}") == [(2,)]
    ((kind, file, line, reason, healed),) = shop.query(
        "select kind, file, line, reason, healed_by_load_id from raw.quarantine"
    )
    assert (kind, file, line, healed) == ("file", "bad.zip", 3, None)
    assert "cut off" in reason


def test_the_next_good_export_repairs(tmp_path):
    shop = Shop(tmp_path)
    write_zip(shop.folder / "a.zip", files(lines=None))
    shop.ingest()
    assert shop.ingest().load_id is None, "a refused file is not read again"
    write_zip(shop.folder / "a.zip", files())
    assert shop.ingest().load_id == "000002"
    assert shop.query("select count(*) from raw.shop__lines") == [(3,)]
    assert shop.query("select distinct healed_by_load_id from raw.quarantine") == [("000002",)]


def test_a_file_that_changes_while_it_is_read_is_tried_again(tmp_path, monkeypatch):
    shop = Shop(tmp_path)
    write_zip(shop.folder / "a.zip", files())
    stamps = iter([(1, 1, 1), (2, 2, 2)])
    with monkeypatch.context() as patch:
        patch.setattr(export_module.ZipExport, "fingerprint", lambda self: next(stamps))
        shop.ingest()
    assert shop.query("select count(*) from raw.shop__lines") == [(0,)]
    shop.ingest()
    assert shop.query("select count(*) from raw.shop__lines") == [(3,)]
    assert shop.query("select count(*) from raw.quarantine where healed_by_load_id is null") == [(0,)]


def test_rows_before_a_fault_are_in_no_message_that_counts(folder):
    write_zip(folder / "a.zip", files(lines_vat=lines_vat(GOOD + "a\r\n"), transactions=transactions()))
    messages = extract(folder)
    assert rows_of(messages, "transactions"), "what came before the fault was handed over"
    assert messages[-1] == refusals(messages)[0], "and is taken back by the refusal at the end"
    assert KEY in transactions()
