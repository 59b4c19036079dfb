"""The DSFinV-K exports, read with the standard library and an independent list of the columns."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import defaultdict
from decimal import Decimal

import dsfinvk.models
import pytest
from dsfinvk.table import Model
from dsfinvk.validate import validate_zip

Rows = list[dict[str, str]]
SALES_TYPES = {
    "Umsatz", "Rabatt", "Pfand", "PfandRueckzahlung", "MehrzweckgutscheinKauf", "Geldtransit",
}  # fmt: skip


@pytest.fixture(scope="module")
def exports(demo):
    return sorted((demo.path / "tills").glob("dsfinvk_*.zip"))


@pytest.fixture(scope="module")
def files(exports) -> dict[str, Rows]:
    found: dict[str, Rows] = defaultdict(list)
    for path in exports:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".csv"):
                    text = archive.read(name).decode("utf-8")
                    assert "\r\n" in text and not re.search(r"(?<!\r)\n", text)
                    found[name] += list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    return found


def number(text: str) -> Decimal:
    return Decimal(text.replace(".", "").replace(",", "."))


def key(row: dict[str, str]) -> tuple[str, ...]:
    return row["Z_KASSE_ID"], row["Z_NR"], row["BON_ID"]


def test_the_files_have_exactly_the_columns_of_the_standard(files) -> None:
    known = {
        m._filename: [f.name for f in m._fields]
        for m in vars(dsfinvk.models).values()
        if isinstance(m, type) and issubclass(m, Model) and m is not Model
    }
    assert {"transactions.csv", "lines.csv", "lines_vat.csv", "datapayment.csv"} <= set(files)
    for name, rows in files.items():
        if rows:
            assert list(rows[0]) == known[name], name


def test_an_independent_validator_accepts_the_exports(exports, capsys) -> None:
    for path in exports[:3]:
        assert validate_zip(path) == []
    assert capsys.readouterr().out == ""


def test_receipts_add_up(files) -> None:
    lines = {(*key(r), r["POS_ZEILE"]): r for r in files["lines.csv"]}
    assert len(lines) == len(files["lines.csv"]) == len(files["lines_vat.csv"])
    total: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in files["lines_vat.csv"]:
        line = lines[(*key(row), row["POS_ZEILE"])]
        gross, net, tax = (number(row[c]) for c in ("POS_BRUTTO", "POS_NETTO", "POS_UST"))
        assert gross == net + tax
        assert gross == number(line["MENGE"]) * number(line["STK_BR"])
        assert number(line["STK_BR"]) >= 0
        rate = {"1": Decimal("0.19"), "2": Decimal("0.07"), "5": Decimal(0)}[row["UST_SCHLUESSEL"]]
        assert abs(net * (1 + rate) - gross) <= Decimal("0.011")
        total[key(row)] += gross
    paid = {key(r): number(r["BASISWAEH_BETRAG"]) for r in files["datapayment.csv"]}
    for row in files["transactions.csv"]:
        if row["BON_TYP"] == "Beleg":
            assert number(row["UMS_BRUTTO"]) == total[key(row)] == paid[key(row)]
        else:
            assert number(row["UMS_BRUTTO"]) == 0 and key(row) not in paid


def test_every_kind_of_receipt_and_line_occurs(files) -> None:
    receipts = files["transactions.csv"]
    assert {r["BON_TYP"] for r in receipts} == {"Beleg", "AVTraining", "AVBelegabbruch"}
    assert {r["GV_TYP"] for r in files["lines.csv"]} == SALES_TYPES
    assert any(r["P_STORNO"] == "1" for r in files["lines.csv"])
    assert len({key(r) for r in receipts}) == len(receipts)
    sales = [r for r in receipts if r["BON_TYP"] == "Beleg"]
    anonymous = sum(not r["KUNDE_ID"] for r in sales) / len(sales)
    assert 0.30 < anonymous < 0.50
    assert all(r["Z_ERSTELLUNG"] >= r["BON_ENDE"] >= r["BON_START"] for r in receipts)


def test_a_reversal_mirrors_its_receipt(files) -> None:
    receipts = {r["BON_ID"]: r for r in files["transactions.csv"]}
    reversals = [r for r in receipts.values() if r["BON_STORNO"] == "1"]
    references = {r["BON_ID"]: r["REF_BON_ID"] for r in files["references.csv"]}
    assert reversals and set(references) == {r["BON_ID"] for r in reversals}
    for reversal in reversals:
        original = receipts[references[reversal["BON_ID"]]]
        assert number(reversal["UMS_BRUTTO"]) == -number(original["UMS_BRUTTO"])
        assert reversal["KUNDE_ID"] == original["KUNDE_ID"]
        assert reversal["BON_ENDE"] > original["BON_ENDE"]


def test_cards_of_receipts_are_known_members(demo, files) -> None:
    cards: set[str] = set()
    for name, encoding in (("mitglieder_neu.csv", "utf-8-sig"), ("mitglieder_alt.csv", "cp1252")):
        text = (demo.path / "loyalty" / name).read_bytes().decode(encoding)
        cards |= {row["card_no"] for row in csv.DictReader(io.StringIO(text), delimiter=";")}
    shown = {r["KUNDE_ID"] for r in files["transactions.csv"]} - {""}
    assert len(shown) > 50 and shown <= cards


def test_one_export_is_truncated(demo) -> None:
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(demo.path / "tills" / "uebertragung_abgebrochen.zip")
