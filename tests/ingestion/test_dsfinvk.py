"""Good exports: zips and folders, encodings, columns, lines, order, what is known already."""

from __future__ import annotations

import os
from decimal import Decimal

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

from ingestion.extract import Notice, SourceUnavailable


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def test_receipts_land_with_their_types(shop):
    write_zip(shop.folder / "a.zip", files())
    shop.ingest()
    assert shop.query(
        """select bon_id, z_kasse_id, z_nr, bon_storno, ums_brutto, kunde_name, kunde_id,
            _source_file, _source_line
        from raw.shop__transactions order by bon_id"""
    ) == [
        ("b1", "K1", 1, False, Decimal("1234.56"), "Müller", "C-7", "a.zip/transactions.csv", 2),
        ("b2", "K1", 1, True, Decimal(-2), None, None, "a.zip/transactions.csv", 3),
    ]
    assert shop.query(
        """select bon_id, z_erstellung::varchar, bon_start::varchar, bon_ende::varchar
        from raw.shop__transactions order by bon_id"""
    ) == [
        ("b1", "2024-03-01 19:00:00", "2024-03-01 09:00:00", "2024-03-01 09:01:00"),
        ("b2", "2024-03-01 19:00:00", "2024-03-01 11:00:00", "2024-03-01 10:01:00"),
    ]
    lines_in_order = "from raw.shop__lines order by bon_id, pos_zeile"
    assert shop.query(f"select pos_zeile, artikeltext, p_storno, menge, stk_br {lines_in_order}") == [
        ("1", "Käse", False, Decimal(1), Decimal("1234.56")),
        ("2", 'Wein; "rot"', False, Decimal("2.5"), Decimal("0.8319")),
        ("1", "Käse", True, Decimal(-1), Decimal(2)),
    ]
    assert shop.query(
        "select pos_brutto, pos_netto, pos_ust from raw.shop__lines_vat where pos_zeile = '2'"
    ) == [(Decimal("2.0798"), Decimal("1.9438"), Decimal("0.1361"))]


def test_optional_files_are_read_and_others_passed_over(shop):
    key, bon = "K1;2024-03-01T20:00:00;1", "K1;2024-03-01T20:00:00;1;b1"
    header = KEY.removesuffix(";BON_ID")
    content = files(
        datapayment=f"{KEY};ZAHLART_TYP;ZAHLART_NAME;BASISWAEH_BETRAG\r\n{bon};Bar;;10,00\r\n",
        location=f"{header};LOC_NAME;LOC_PLZ\r\n{key};Laden am Markt;01067\r\n",
        cashpointclosing=f"{header};Z_BUCHUNGSTAG;NAME;Z_SE_ZAHLUNGEN\r\n{key};2024-03-01;Demo;10,00\r\n",
        vat="X;Y\r\n1;2\r\n",
    )
    write_zip(shop.folder / "a.zip", {**content, "index.xml": b"<x/>"})
    shop.ingest()
    assert shop.query("select basiswaeh_betrag from raw.shop__payments") == [(Decimal(10),)]
    assert shop.query("select loc_name, loc_plz from raw.shop__locations") == [("Laden am Markt", "01067")]
    assert shop.query("select z_buchungstag::varchar from raw.shop__closings") == [("2024-03-01",)]


def test_one_receipt_may_be_paid_in_two_currencies(shop):
    bon = "K1;2024-03-01T20:00:00;1;b1"
    payments = (
        f"{KEY};ZAHLART_TYP;ZAHLART_NAME;ZAHLWAEH_CODE;ZAHLWAEH_BETRAG;BASISWAEH_BETRAG\r\n"
        f"{bon};Bar;Bargeld;EUR;;6,00\r\n{bon};Bar;Bargeld;CHF;4,20;4,00\r\n"
    )
    write_zip(shop.folder / "a.zip", files(datapayment=payments))
    shop.ingest()
    assert shop.query("select zahlwaeh_code, basiswaeh_betrag from raw.shop__payments order by all") == [
        ("CHF", Decimal(4)),
        ("EUR", Decimal(6)),
    ]
    assert shop.query("select count(*) from raw.quarantine") == [(0,)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_encodings_and_line_ends(shop, encoding, line_end):
    content = {
        name: data.decode().replace("\r\n", line_end).encode(encoding) for name, data in files().items()
    }
    write_zip(shop.folder / "a.zip", content)
    assert shop.ingest().total.rows_quarantined == 0
    assert shop.query("select kunde_name from raw.shop__transactions where bon_id = 'b1'") == [("Müller",)]
    assert shop.query("select _source_line from raw.shop__lines order by 1") == [(2,), (3,), (4,)]


def test_columns_are_found_by_name_in_any_order_and_case(shop):
    header, *rest = lines_vat().splitlines()
    names = header.split(";")
    records = [dict(zip(names, row.split(";"), strict=True)) for row in rest]
    order = [*reversed(names), "NEU"]
    text = "\r\n".join(
        [";".join(n.lower() for n in order)] + [";".join(r.get(n, "x") for n in order) for r in records]
    )
    write_zip(shop.folder / "a.zip", files(lines_vat=text + "\r\n"))
    shop.ingest()
    assert shop.query("select count(*), max(pos_brutto) from raw.shop__lines_vat") == [
        (3, Decimal("1234.56"))
    ]


def test_grouped_numbers_without_decimals_are_whole(shop):
    rows = "K1;2024-03-01T20:00:00;1.234;b1;1;1;1.000;840;160\r\n"
    write_zip(shop.folder / "a.zip", files(lines_vat=lines_vat(rows)))
    shop.ingest()
    assert shop.query("select z_nr, pos_brutto from raw.shop__lines_vat") == [(1234, Decimal(1000))]


def test_a_column_that_is_missing_but_not_required_is_said(tmp_path):
    text = transactions().replace("KUNDE_ID", "KUNDE_NR")
    write_zip(tmp_path / "a.zip", files(transactions=text))
    said = [m.text for m in extract(tmp_path) if isinstance(m, Notice)]
    assert "1 transactions.csv without the column KUNDE_ID; their receipts count as guest receipts" in said


def test_line_numbers_count_blank_lines_and_quoted_line_breaks(shop):
    key = "K1;2024-03-01T20:00:00;1"
    rows = (
        f'{key};b1;1;"zwei\r\nZeilen";Umsatz;0;;;;;\r\n'
        f"{key};b1;2;danach;Umsatz;0;;;;;\r\n\r\n"
        f"{key};b1;3;nach der Lücke;Umsatz;0;;;;;\r\n\r\n\r\n"
    )
    write_zip(shop.folder / "a.zip", files(lines=lines(rows)))
    shop.ingest()
    assert shop.query("select pos_zeile, _source_line, artikeltext from raw.shop__lines order by 1") == [
        ("1", 2, "zwei\r\nZeilen"),
        ("2", 4, "danach"),
        ("3", 6, "nach der Lücke"),
    ]


def test_a_quote_within_an_unquoted_text_is_a_text(shop):
    rows = 'K1;2024-03-01T20:00:00;1;b1;1;Rohr 3" lang;Umsatz;0;;;;;\r\n'
    write_zip(shop.folder / "a.zip", files(lines=lines(rows)))
    shop.ingest()
    assert shop.query("select artikeltext from raw.shop__lines") == [('Rohr 3" lang',)]


def test_bad_rows_are_quarantined_with_their_line(shop):
    rows = (
        "K1;2024-03-01T20:00:00;1;b1;1;1;5,00;4,20;0,80\r\n"
        "K1;2024-03-01T20:00:00;1;b1;2;1;fünf;4,20;0,80\r\n"
        "K1;2024-03-01T20:00:00;1;;3;1;5,00;4,20;0,80\r\n"
    )
    write_zip(shop.folder / "a.zip", files(lines_vat=lines_vat(rows)))
    counts = shop.ingest().tables["lines_vat"]
    assert (counts.rows_read, counts.rows_loaded, counts.rows_quarantined) == (3, 1, 2)
    assert shop.query("select file, line, field, value_masked, reason from raw.quarantine") == [
        ("a.zip/lines_vat.csv", 3, "pos_brutto", "fünf", "not a number"),
        ("a.zip/lines_vat.csv", 4, "bon_id", None, "required, but empty"),
    ]


def test_rows_of_many_small_exports_keep_their_file_and_line(shop, monkeypatch):
    monkeypatch.setattr("ingestion.batches.BATCH_ROWS", 7)
    row = "K1;2024-03-01T20:00:00;{};b{};1;1;{};4,20;0,80\r\n"
    for number in range(1, 6):
        rows = "".join(row.format(number, line, "fünf" if line == number else "5,00") for line in range(1, 7))
        write_zip(shop.folder / f"{number}.zip", files(z_nr=number, lines_vat=lines_vat(rows)))
    counts = shop.ingest().tables["lines_vat"]
    assert (counts.rows_read, counts.rows_loaded, counts.rows_quarantined) == (30, 25, 5)
    assert shop.query("select file, line from raw.quarantine order by 1") == [
        (f"{number}.zip/lines_vat.csv", number + 1) for number in range(1, 6)
    ]
    landed = shop.query("select z_nr, bon_id, _source_file, _source_line from raw.shop__lines_vat")
    assert len(landed) == 25
    assert all(
        file == f"{z_nr}.zip/lines_vat.csv" and bon_id == f"b{line - 1}"
        for z_nr, bon_id, file, line in landed
    )


def test_several_closings_in_one_zip(shop):
    content = {f"2024-03-0{n}/{name}": data for n in (1, 2) for name, data in files(z_nr=n).items()}
    write_zip(shop.folder / "year.zip", content)
    shop.ingest()
    assert shop.query(
        "select z_nr, count(*), min(_source_line) from raw.shop__lines group by 1 order by 1"
    ) == [
        (1, 3, 2),
        (2, 3, 2),
    ]


def test_folders_at_any_depth_and_zips_beside_them(shop):
    for path, z_nr in ((shop.folder, 1), (shop.folder / "2024" / "02", 2)):
        path.mkdir(parents=True, exist_ok=True)
        for name, data in files(z_nr=z_nr).items():
            (path / name.upper()).write_bytes(data)
    write_zip(shop.folder / "2024" / "c.ZIP", files(z_nr=3))
    shop.ingest()
    assert shop.query("select z_nr, any_value(_source_file) from raw.shop__lines group by 1 order by 1") == [
        (1, "dsfinvk/LINES.CSV"),
        (2, "2024/02/LINES.CSV"),
        (3, "2024/c.ZIP/lines.csv"),
    ]


def test_what_is_known_is_not_read_again_under_any_name(shop):
    path = write_zip(shop.folder / "a.zip", files())
    assert shop.ingest().load_id == "000001"
    path.rename(shop.folder / "b.zip")
    assert shop.ingest().load_id is None
    assert shop.ingest(full=True).load_id == "000002"


def test_a_folder_is_known_by_its_content(shop):
    for name, data in files().items():
        (shop.folder / name).write_bytes(data)
    shop.ingest()
    for path in shop.folder.iterdir():
        os.utime(path, (1, 1))
    assert shop.ingest().load_id is None
    (shop.folder / "lines.csv").write_bytes(lines(None).replace("Käse", "Brot").encode())
    assert shop.ingest().load_id == "000002"


def test_a_corrected_export_replaces_the_closing_as_a_whole(shop):
    corrected = lines("K1;2024-03-01T20:00:00;1;b1;1;Brot;Umsatz;0;;;;;\r\n")
    write_zip(shop.folder / "a-corrected.zip", files(lines=corrected), (2024, 3, 2, 8, 0, 0))
    write_zip(shop.folder / "b-first.zip", files(), (2024, 3, 1, 20, 0, 0))
    result = shop.ingest()
    assert shop.query("select artikeltext, _source_file from raw.shop__lines") == [
        ("Brot", "a-corrected.zip/lines.csv")
    ]
    counts = result.tables["lines"]
    assert (counts.rows_read, counts.rows_loaded, counts.rows_quarantined) == (4, 1, 3)
    reasons = shop.query("select distinct reason from raw.quarantine where table_name = 'lines' order by 1")
    assert any("a-corrected.zip is newer" in reason for (reason,) in reasons)


def test_exports_come_in_the_order_in_which_they_were_written(tmp_path):
    write_zip(tmp_path / "a.zip", files(z_nr=1), (2024, 3, 3, 0, 0, 0))
    write_zip(tmp_path / "b.zip", files(z_nr=2), (2024, 3, 1, 0, 0, 0))
    write_zip(tmp_path / "c-2.zip", files(z_nr=3), (2024, 3, 2, 0, 0, 0))
    write_zip(tmp_path / "c.zip", files(z_nr=4), (2024, 3, 2, 0, 0, 0))
    assert [m.file for m in reads(extract(tmp_path))] == ["b.zip", "c.zip", "c-2.zip", "a.zip"]


def test_large_members_are_read_in_blocks(tmp_path, monkeypatch):
    key = "K1;2024-03-01T20:00:00;1"
    rows = "".join(f"{key};b{n};1;1;1,00;0,84;0,16\r\n" for n in range(500))
    quoted = "".join(f'{key};b{n};1;"A\nrt";Umsatz;0;;;;;\r\n' for n in range(200))
    path = tmp_path / "in"
    write_zip(path / "a.zip", files(lines_vat=lines_vat(rows), lines=lines(quoted)))
    whole = extract(path)
    monkeypatch.setattr("ingestion.sources.shop.members.BLOCK_BYTES", 1000)
    monkeypatch.setattr("ingestion.sources.shop.dsfinvk._AHEAD_BYTES", 100)
    blocks = extract(path)
    for table, parts in (("lines_vat", 2), ("lines", 1)):
        one, many = rows_of(whole, table), rows_of(blocks, table)
        assert len(one) == 1
        assert len(many) >= parts
        assert [n for m in many for n in m.lines.to_pylist()] == one[0].lines.to_pylist()
        assert [r for m in many for r in m.data.to_pylist()] == one[0].data.to_pylist()
    assert refusals(blocks) == []


def test_a_writer_without_last_line_breaks_is_no_cut_off_file(tmp_path):
    content = {name: data.rstrip(b"\r\n") for name, data in files().items()}
    write_zip(tmp_path / "a.zip", content)
    assert refusals(extract(tmp_path)) == []


def test_empty_tables_are_no_fault(shop):
    write_zip(
        shop.folder / "a.zip", files(transactions=transactions(""), lines=lines(""), lines_vat=lines_vat(""))
    )
    assert shop.ingest().load_id == "000001"
    assert shop.ingest().load_id is None


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(SourceUnavailable, match="does not exist"):
        extract(tmp_path / "nowhere")


def test_hidden_and_unfinished_files_and_other_archives_are_named(tmp_path):
    for name in (".hidden.zip", "upload.zip.part", "old.7z"):
        (tmp_path / name).write_bytes(b"x")
    said = " ".join(m.text for m in extract(tmp_path) if isinstance(m, Notice))
    assert all(name in said for name in (".hidden.zip", "upload.zip.part", "old.7z"))
