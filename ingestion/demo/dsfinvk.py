"""The files of a DSFinV-K 2.x export: their columns, the description index.xml, text of amounts and instants.

Column names and order are those of the specification (Digitale Schnittstelle der Finanzverwaltung für
Kassensysteme, annexes E to G). A number says how many decimal places a numeric column has, -1 marks text.
"""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape  # nosec B406

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.demo.text import Text, join, number_text, where
from ingestion.demo.world import Ints

TEXT = -1
_CLOSING = {"Z_KASSE_ID": TEXT, "Z_ERSTELLUNG": TEXT, "Z_NR": 0}

FILES: dict[str, dict[str, int]] = {
    "transactions.csv": _CLOSING | {
        "BON_ID": TEXT, "BON_NR": 0, "BON_TYP": TEXT, "BON_NAME": TEXT, "TERMINAL_ID": TEXT,
        "BON_STORNO": TEXT, "BON_START": TEXT, "BON_ENDE": TEXT, "BEDIENER_ID": TEXT,
        "BEDIENER_NAME": TEXT, "UMS_BRUTTO": 2, "KUNDE_NAME": TEXT, "KUNDE_ID": TEXT, "KUNDE_TYP": TEXT,
        "KUNDE_STRASSE": TEXT, "KUNDE_PLZ": TEXT, "KUNDE_ORT": TEXT, "KUNDE_LAND": TEXT,
        "KUNDE_USTID": TEXT, "BON_NOTIZ": TEXT,
    },
    "lines.csv": _CLOSING | {
        "BON_ID": TEXT, "POS_ZEILE": TEXT, "GUTSCHEIN_NR": TEXT, "ARTIKELTEXT": TEXT, "POS_TERMINAL_ID": TEXT,
        "GV_TYP": TEXT, "GV_NAME": TEXT, "INHAUS": TEXT, "P_STORNO": TEXT, "AGENTUR_ID": 0, "ART_NR": TEXT,
        "GTIN": TEXT, "WARENGR_ID": TEXT, "WARENGR": TEXT, "MENGE": 3, "FAKTOR": 3, "EINHEIT": TEXT,
        "STK_BR": 5,
    },
    "lines_vat.csv": _CLOSING | {
        "BON_ID": TEXT, "POS_ZEILE": TEXT, "UST_SCHLUESSEL": 0, "POS_BRUTTO": 5, "POS_NETTO": 5, "POS_UST": 5,
    },
    "datapayment.csv": _CLOSING | {
        "BON_ID": TEXT, "ZAHLART_TYP": TEXT, "ZAHLART_NAME": TEXT, "ZAHLWAEH_CODE": TEXT,
        "ZAHLWAEH_BETRAG": 2, "BASISWAEH_BETRAG": 2,
    },
    "references.csv": _CLOSING | {
        "BON_ID": TEXT, "POS_ZEILE": TEXT, "REF_TYP": TEXT, "REF_NAME": TEXT, "REF_DATUM": TEXT,
        "REF_Z_KASSE_ID": TEXT, "REF_Z_NR": 0, "REF_BON_ID": TEXT,
    },
    "cashpointclosing.csv": _CLOSING | {
        "Z_BUCHUNGSTAG": TEXT, "TAXONOMIE_VERSION": TEXT, "Z_START_ID": TEXT, "Z_ENDE_ID": TEXT, "NAME": TEXT,
        "STRASSE": TEXT, "PLZ": TEXT, "ORT": TEXT, "LAND": TEXT, "STNR": TEXT, "USTID": TEXT,
        "Z_SE_ZAHLUNGEN": 2, "Z_SE_BARZAHLUNGEN": 2,
    },
    "location.csv": _CLOSING | {
        "LOC_NAME": TEXT, "LOC_STRASSE": TEXT, "LOC_PLZ": TEXT, "LOC_ORT": TEXT, "LOC_LAND": TEXT,
        "LOC_USTID": TEXT,
    },
    "vat.csv": _CLOSING | {"UST_SCHLUESSEL": 0, "UST_SATZ": 2, "UST_BESCHR": TEXT},
}  # fmt: skip


def amount(cents: Ints, places: int) -> Text:
    """Cents as `1.234,56`, with zeros up to `places` decimal places."""
    cents = np.asarray(cents, dtype=np.int64)
    size = np.abs(cents)
    whole = size // 100
    large = whole >= 1000
    text = number_text(whole)
    if large.any():
        grouped = join(number_text(whole // 1000), ".", number_text(whole % 1000, 3))
        text = where(large, grouped, text)
    sign = where(cents < 0, "-", "")
    return join(sign, text, ",", number_text(size % 100, 2), "0" * (places - 2))


def decimal(values: Ints, places: int) -> Text:
    """Whole numbers with decimal places: 3 → `3,000`."""
    return join(number_text(values), "," + "0" * places)


def instant(seconds: Ints) -> Text:
    """UTC seconds as `2025-03-01T19:15:00Z`."""
    return join(pc.strftime(pa.array(seconds).cast(pa.timestamp("s")), "%Y-%m-%dT%H:%M:%S"), "Z")


def index_xml() -> bytes:
    """The description of the files for the auditor's software (GDPdU description standard)."""
    tables = []
    for name, columns in FILES.items():
        fields = "".join(
            f"<VariableColumn><Name>{column}</Name>" + _kind(places) + "</VariableColumn>"
            for column, places in columns.items()
        )
        tables.append(
            f"<Table><URL>{escape(name)}</URL><UTF8/><DecimalSymbol>,</DecimalSymbol>"
            "<DigitGroupingSymbol>.</DigitGroupingSymbol><Range><From>2</From></Range><VariableLength>"
            "<ColumnDelimiter>;</ColumnDelimiter><RecordDelimiter>&#13;&#10;</RecordDelimiter>"
            f"<TextEncapsulator>&quot;</TextEncapsulator>{fields}</VariableLength></Table>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<DataSet><Version>1.0</Version>'
        f"<Media><Name>DSFinV-K</Name>{''.join(tables)}</Media></DataSet>\n"
    ).encode()


def _kind(places: int) -> str:
    if places < 0:
        return "<AlphaNumeric/>"
    return f"<Numeric><Accuracy>{places}</Accuracy></Numeric>" if places else "<Numeric/>"


def pack(contents: dict[str, bytes]) -> bytes:
    """A zip of the files, the same bytes for the same content."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content, compresslevel=1)
    return target.getvalue()
