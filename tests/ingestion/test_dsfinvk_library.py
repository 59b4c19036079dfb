"""Exports written by an independent implementation, the package `dsfinvk`, read back unchanged."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from dsfinvk import models
from dsfinvk.collection import Collection
from tills import Shop

BERLIN = ZoneInfo("Europe/Berlin")


def cents(chance: random.Random, places: int = 2) -> Decimal:
    return Decimal(chance.randint(-(10**7), 10**7)).scaleb(-places)


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def write(shop, name, records):
    collection = Collection()
    for record in records:
        collection.add(record)
    extra = shop.folder.parent / "index.xml"
    extra.write_text("<index/>")
    collection.write(shop.folder / name, extra, extra)


def test_what_the_library_writes_is_what_raw_holds(shop):
    seed = 20240301
    chance = random.Random(seed)
    closed = datetime(2024, 10, 27, 20, 15, 30, tzinfo=BERLIN)
    closing = {"Z_KASSE_ID": "Kasse; 1", "Z_ERSTELLUNG": closed, "Z_NR": 12345}
    records, expected_heads, expected_lines, expected_vat = [], [], [], []
    for number in range(200):
        start = closed - timedelta(minutes=chance.randint(1, 600))
        bon = {**closing, "BON_ID": f"bon-{number}"}
        customer = "" if number % 3 else f'K"{number}"'
        total = cents(chance)
        records.append(
            models.Bonkopf(
                **bon, BON_NR=number * 1000, BON_TYP="Beleg", BON_STORNO=number % 7 == 0, BON_START=start,
                BON_ENDE=start + timedelta(seconds=30), BEDIENER_NAME="Größe\nß", UMS_BRUTTO=total,
                KUNDE_NAME="Jürgen; Groß", KUNDE_ID=customer,
            )
        )  # fmt: skip
        utc_start = start.astimezone(UTC).replace(tzinfo=None)
        expected_heads.append((f"bon-{number}", number % 7 == 0, utc_start, total, customer or None))
        for position in range(chance.randint(1, 4)):
            place = {**bon, "POS_ZEILE": str(position)}
            quantity, unit = cents(chance, 3), abs(cents(chance, 4))
            records.append(
                models.Bonpos(
                    **place, ARTIKELTEXT=f"Brötchen {position}\r\nfrisch", GV_TYP="Umsatz", P_STORNO=False,
                    ART_NR="007", MENGE=quantity, FAKTOR=Decimal(1), STK_BR=unit,
                )
            )  # fmt: skip
            gross, net = cents(chance, 4), cents(chance, 4)
            records.append(
                models.Bonpos_USt(
                    **place, UST_SCHLUESSEL=1, POS_BRUTTO=gross, POS_NETTO=net, POS_UST=gross - net
                )
            )
            expected_lines.append(
                (f"bon-{number}", str(position), f"Brötchen {position}\r\nfrisch", quantity, unit)
            )
            expected_vat.append((f"bon-{number}", str(position), gross, net, gross - net))
        records.append(
            models.Bonkopf_Zahlarten(**bon, ZAHLART_TYP="Bar", ZAHLWAEH_CODE="EUR", BASISWAEH_BETRAG=total)
        )
    records.append(models.Stamm_Orte(**closing, LOC_NAME="Filiale", LOC_PLZ="01067", LOC_ORT="Dresden"))
    records.append(
        models.Stamm_Abschluss(
            **closing, Z_BUCHUNGSTAG="2024-10-27", NAME="Demo", Z_SE_ZAHLUNGEN=Decimal("1234567.89")
        )
    )
    write(shop, "export.zip", records)
    result = shop.ingest()
    assert result.total.rows_quarantined == 0, f"seed {seed}"
    assert (
        shop.query("select bon_id, bon_storno, bon_start, ums_brutto, kunde_id from raw.shop__transactions")
        == expected_heads
    )
    assert (
        shop.query("select bon_id, pos_zeile, artikeltext, menge, stk_br from raw.shop__lines")
        == expected_lines
    )
    assert shop.query(
        "select bon_id, pos_zeile, pos_brutto, pos_netto, pos_ust from raw.shop__lines_vat"
    ) == (expected_vat)
    assert shop.query("select count(*), min(basiswaeh_betrag) from raw.shop__payments") == [
        (200, min(head[3] for head in expected_heads))
    ]
    assert shop.query("select distinct z_nr, z_erstellung, loc_ort from raw.shop__locations") == [
        (12345, datetime.fromisoformat("2024-10-27 19:15:30"), "Dresden")
    ]
    assert shop.query("select z_se_zahlungen, taxonomie_version from raw.shop__closings") == [
        (Decimal("1234567.89"), "2.1")
    ]
