"""The text of one DSFinV-K export: receipts and lines as the files of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo import reference
from ingestion.demo.catalogue import Places, catalogue
from ingestion.demo.dsfinvk import FILES, amount, decimal, instant
from ingestion.demo.loyalty import Loyalty, csv_bytes
from ingestion.demo.purchases import Orders
from ingestion.demo.text import Text, join, keep, number_text, take, where
from ingestion.demo.world import Ints, World

if TYPE_CHECKING:
    from ingestion.demo.tills import ReceiptLines, Receipts

_BON_TYP = pa.array(["Beleg", "AVTraining", "AVBelegabbruch"])
_GV_TYP = pa.array(
    ["Umsatz", "Rabatt", "Pfand", "PfandRueckzahlung", "MehrzweckgutscheinKauf", "Geldtransit"]
)
_GV_TEXT = pa.array(["", "Rabatt", "Pfand", "Pfand zurück", "Geschenkgutschein", "Bankeinzahlung"])
_PAYMENT = pa.array(["Bar", "ECKarte", "Kreditkarte", "ElZahlungsdienstleister"])
_PAYMENT_NAME = pa.array(["Bargeld", "girocard", "Visa", "Handyzahlung"])
_RETAILER = {
    "NAME": "Demo GmbH", "STRASSE": "Gartenstraße 1", "PLZ": "34117", "ORT": "Kassel", "LAND": "DEU",
    "STNR": "02523800000", "USTID": "DE136695976",
}  # fmt: skip
_VAT = (
    (1, "19,00", "Allgemeiner Steuersatz"),
    (2, "7,00", "Ermäßigter Steuersatz"),
    (5, "0,00", "Nicht steuerbar"),
)


def files(
    world: World,
    loyalty: Loyalty,
    orders: Orders,
    places: Places,
    till: int,
    receipts: Receipts,
    lines: ReceiptLines,
) -> dict[str, bytes]:
    """File name → content."""
    n = len(receipts.day)
    cash_id = f"K{till + 1:03d}"
    closing_no = _open_days(world)[receipts.day]
    bon_nr = closing_no * 10_000 + receipts.number
    bon_id = join(cash_id, "-", number_text(bon_nr))
    closing = {
        "Z_KASSE_ID": pa.array([cash_id] * n),
        "Z_ERSTELLUNG": instant(world.utc(receipts.day, np.full(n, 20 * 3600 + 300))),
        "Z_NR": number_text(closing_no),
    }
    total = np.bincount(lines.receipt, lines.gross, minlength=n).astype(np.int64)
    ends = world.utc(receipts.day, receipts.second)
    # Aborted receipts and training have no turnover and no payment.
    paid = receipts.kind == 0
    method = _payment_methods(world, till, receipts, n)
    contents = {
        "transactions.csv": _table("transactions.csv", closing, {
            "BON_ID": bon_id,
            "BON_NR": number_text(bon_nr),
            "BON_TYP": take(_BON_TYP, receipts.kind),
            "TERMINAL_ID": pa.array([f"{cash_id}-1"] * n),
            "BON_STORNO": where(receipts.storno, "1", "0"),
            "BON_START": instant(ends - 20 - (bon_nr * 7919) % 160),
            "BON_ENDE": instant(ends),
            "BEDIENER_ID": join("B", number_text((closing_no * 31 + receipts.number // 40) % 9 + 1)),
            "UMS_BRUTTO": amount(np.where(paid, total, 0), 2),
            "KUNDE_ID": _cards(loyalty, orders, receipts),
        }),
        "lines.csv": _lines(closing, bon_id, lines),
        "lines_vat.csv": _lines_vat(closing, bon_id, lines),
        "datapayment.csv": _filtered(paid, "datapayment.csv", closing, {
            "BON_ID": bon_id,
            "ZAHLART_TYP": take(_PAYMENT, method),
            "ZAHLART_NAME": take(_PAYMENT_NAME, method),
            "BASISWAEH_BETRAG": amount(total, 2),
        }),
        "references.csv": _references(closing, bon_id, receipts),
    }  # fmt: skip
    return contents | _master_data(
        world, places, till, closing, receipts, bon_id, np.where(paid, total, 0), method
    )


def _open_days(world: World) -> Ints:
    """Number of each day's closing: counts the days that are no Sundays."""
    weekday = (world.dates.astype("datetime64[D]").astype(int) + 3) % 7
    return np.cumsum(weekday != 6)


def _table(name: str, closing: dict[str, Text], columns: dict[str, Text]) -> bytes:
    values = closing | columns
    size = len(closing["Z_NR"])
    empty = pa.nulls(size, pa.string())
    return csv_bytes(pa.table({column: values.get(column, empty) for column in FILES[name]}), "none")


def _filtered(mask: np.ndarray, name: str, closing: dict[str, Text], columns: dict[str, Text]) -> bytes:
    chosen = pa.array(mask)
    return _table(
        name,
        {k: v.filter(chosen) for k, v in closing.items()},
        {k: v.filter(chosen) for k, v in columns.items()},
    )


def _cards(loyalty: Loyalty, orders: Orders, receipts: Receipts) -> Text:
    order = np.maximum(receipts.order, 0)
    person = np.where(receipts.order >= 0, orders.person[order], -1)
    return keep(loyalty.card_of(person, receipts.day), receipts.with_card)


def _payment_methods(world: World, till: int, receipts: Receipts, n: int) -> Ints:
    rng = world.rng("payments", till, int(receipts.day[0]) if n else 0)
    method = rng.choice(4, n, p=[0.35, 0.5, 0.1, 0.05])
    reverses = receipts.reverses
    method = np.where(reverses >= 0, method[np.maximum(reverses, 0)], method)
    return np.where(receipts.order < 0, 0, method)


def _lines(closing: dict[str, Text], bon_id: Text, lines: ReceiptLines) -> bytes:
    goods = catalogue()
    article = lines.product
    name = take(goods.name, article)
    prefix = take(_GV_TEXT, lines.kind)
    of_article = join(prefix, " ", name)
    text = where(lines.kind == 0, name, pc.coalesce(of_article, prefix))
    return _table("lines.csv", _spread(closing, lines.receipt), {
        "BON_ID": take(bon_id, lines.receipt),
        "POS_ZEILE": number_text(lines.position),
        "ARTIKELTEXT": text,
        "GV_TYP": take(_GV_TYP, lines.kind),
        "INHAUS": pa.array(["0"] * len(article)),
        "P_STORNO": where(lines.storno, "1", "0"),
        "AGENTUR_ID": pa.array(["0"] * len(article)),
        "ART_NR": take(goods.product_no, article),
        "GTIN": take(goods.gtin, article),
        "WARENGR_ID": take(goods.category_no, article),
        "WARENGR": take(goods.category_name, article),
        "MENGE": decimal(lines.quantity, 3),
        "FAKTOR": decimal(np.ones(len(article), dtype=np.int64), 3),
        "EINHEIT": pa.array(["Stück"] * len(article)),
        "STK_BR": amount(lines.unit, 5),
    })  # fmt: skip


def _lines_vat(closing: dict[str, Text], bon_id: Text, lines: ReceiptLines) -> bytes:
    net = lines.net
    return _table("lines_vat.csv", _spread(closing, lines.receipt), {
        "BON_ID": take(bon_id, lines.receipt),
        "POS_ZEILE": number_text(lines.position),
        "UST_SCHLUESSEL": number_text(lines.vat_key),
        "POS_BRUTTO": amount(lines.gross, 5),
        "POS_NETTO": amount(net, 5),
        "POS_UST": amount(lines.gross - net, 5),
    })  # fmt: skip


def _spread(closing: dict[str, Text], receipt: Ints) -> dict[str, Text]:
    return {name: take(values, receipt) for name, values in closing.items()}


def _references(closing: dict[str, Text], bon_id: Text, receipts: Receipts) -> bytes:
    target = np.where(receipts.reverses >= 0, receipts.reverses, 0)
    size = len(target)
    return _filtered(receipts.reverses >= 0, "references.csv", closing, {
        "BON_ID": bon_id,
        "REF_TYP": pa.array(["Transaktion"] * size),
        "REF_DATUM": take(closing["Z_ERSTELLUNG"], target),
        "REF_Z_KASSE_ID": closing["Z_KASSE_ID"],
        "REF_Z_NR": take(closing["Z_NR"], target),
        "REF_BON_ID": take(bon_id, target),
    })  # fmt: skip


def _master_data(
    world: World, places: Places, till: int, closing: dict[str, Text], receipts: Receipts, bon_id: Text,
    total: Ints, method: Ints,
) -> dict[str, bytes]:  # fmt: skip
    first = np.flatnonzero(np.r_[True, receipts.day[1:] != receipts.day[:-1]])
    last = np.r_[first[1:], len(receipts.day)] - 1
    group = np.repeat(np.arange(len(first)), last - first + 1)
    sums = np.bincount(group, total).astype(np.int64)
    cash = np.bincount(group, np.where(method == 0, total, 0)).astype(np.int64)
    heads = {name: take(values, first) for name, values in closing.items()}
    size = len(first)
    store = till // places.tills_per_store
    town = int(places.store_town[store])
    towns = reference.table("towns")
    city = towns["town"][town].as_py()
    location = {
        "LOC_NAME": f"Demo Filiale F{store + 1:03d} {city}",
        "LOC_STRASSE": f"Bahnhofstraße {store * 3 % 90 + 1}",
        "LOC_PLZ": towns["postal_code"][town].as_py(),
        "LOC_ORT": city,
        "LOC_LAND": "DEU",
        "LOC_USTID": _RETAILER["USTID"],
    }
    every = [
        {k: take(v, np.repeat(np.arange(size), len(_VAT))) for k, v in heads.items()},
        {
            "UST_SCHLUESSEL": pa.array([str(k) for k, _, _ in _VAT] * size),
            "UST_SATZ": pa.array([rate for _, rate, _ in _VAT] * size),
            "UST_BESCHR": pa.array([text for _, _, text in _VAT] * size),
        },
    ]
    return {
        "cashpointclosing.csv": _table("cashpointclosing.csv", heads, {
            "Z_BUCHUNGSTAG": pc.strftime(pa.array(world.dates[receipts.day[first]]), "%Y-%m-%d"),
            "TAXONOMIE_VERSION": pa.array(["2.3"] * size),
            "Z_START_ID": take(bon_id, first),
            "Z_ENDE_ID": take(bon_id, last),
            **{name: pa.array([value] * size) for name, value in _RETAILER.items()},
            "Z_SE_ZAHLUNGEN": amount(sums, 2),
            "Z_SE_BARZAHLUNGEN": amount(cash, 2),
        }),
        "location.csv": _table(
            "location.csv", heads, {name: pa.array([value] * size) for name, value in location.items()}
        ),
        "vat.csv": _table("vat.csv", every[0], every[1]),
    }  # fmt: skip
