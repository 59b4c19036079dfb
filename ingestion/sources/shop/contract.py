"""Contracts of the shop tills: the DSFinV-K export and the loyalty card file (design §3).

DSFinV-K column names are those of the specification (Digitale Schnittstelle der Finanzverwaltung für
Kassensysteme 2.x), in lower case. Only the columns that the product uses are kept.
"""

from ingestion.contracts import Field, Table

_CLOSING = (
    Field("z_kasse_id", required=True, description="till"),
    Field("z_erstellung", "instant", required=True, description="when the closing was made"),
    Field("z_nr", "integer", required=True, description="number of the closing at this till"),
)
_CLOSING_KEY = ("z_kasse_id", "z_erstellung", "z_nr")
_RECEIPT_KEY = (*_CLOSING_KEY, "bon_id")

TRANSACTIONS = Table(
    source="shop",
    name="transactions",
    description="Receipt heads (Bonkopf, transactions.csv)",
    key=_RECEIPT_KEY,
    replace_by=_CLOSING_KEY,
    fields=(
        *_CLOSING,
        Field("bon_id", required=True),
        Field("bon_nr"),
        Field("bon_typ", required=True, description="Beleg is a sale, every other type is none"),
        Field("bon_name"),
        Field("terminal_id"),
        Field("bon_storno", "boolean", description="the receipt reverses another one"),
        Field("bon_start", "instant"),
        Field("bon_ende", "instant", required=True),
        Field("bediener_id"),
        Field("ums_brutto", "decimal"),
        Field("kunde_name", personal=True),
        Field("kunde_id", personal=True, description="loyalty card number; empty for a guest"),
    ),
)

LINES = Table(
    source="shop",
    name="lines",
    description="Receipt lines (Bonpos, lines.csv)",
    key=(*_RECEIPT_KEY, "pos_zeile"),
    replace_by=_CLOSING_KEY,
    fields=(
        *_CLOSING,
        Field("bon_id", required=True),
        Field("pos_zeile", required=True),
        Field("artikeltext"),
        Field("gv_typ", required=True, description="Umsatz, Rabatt, Pfand, MehrzweckgutscheinKauf …"),
        Field("gv_name"),
        Field("p_storno", "boolean", description="the line reverses another line"),
        Field("art_nr"),
        Field("gtin"),
        Field("warengr_id"),
        Field("warengr"),
        Field("menge", "decimal"),
        Field("faktor", "decimal"),
        Field("einheit"),
        Field("stk_br", "decimal", minimum=0, description="gross price of one unit"),
    ),
)

LINES_VAT = Table(
    source="shop",
    name="lines_vat",
    description="Amounts of the receipt lines by VAT key (Bonpos_USt, lines_vat.csv)",
    key=(*_RECEIPT_KEY, "pos_zeile", "ust_schluessel"),
    replace_by=_CLOSING_KEY,
    fields=(
        *_CLOSING,
        Field("bon_id", required=True),
        Field("pos_zeile", required=True),
        Field("ust_schluessel", "integer", required=True),
        Field("pos_brutto", "decimal", required=True),
        Field("pos_netto", "decimal", required=True),
        Field("pos_ust", "decimal", required=True),
    ),
)

PAYMENTS = Table(
    source="shop",
    name="payments",
    description="Means of payment (Bonkopf_Zahlarten, datapayment.csv)",
    key=(*_RECEIPT_KEY, "zahlart_typ", "zahlart_name", "zahlwaeh_code"),
    replace_by=_CLOSING_KEY,
    optional=True,
    fields=(
        *_CLOSING,
        Field("bon_id", required=True),
        Field("zahlart_typ"),
        Field("zahlart_name"),
        Field("zahlwaeh_code", description="currency that was handed over, ISO 4217"),
        Field("basiswaeh_betrag", "decimal"),
    ),
)

LOCATIONS = Table(
    source="shop",
    name="locations",
    description="Where the till stands (Stamm_Orte, location.csv)",
    key=_CLOSING_KEY,
    replace_by=_CLOSING_KEY,
    optional=True,
    fields=(
        *_CLOSING,
        Field("loc_name"),
        Field("loc_strasse"),
        Field("loc_plz"),
        Field("loc_ort"),
        Field("loc_land"),
    ),
)

CLOSINGS = Table(
    source="shop",
    name="closings",
    description="Till closings (Stamm_Abschluss, cashpointclosing.csv)",
    key=_CLOSING_KEY,
    replace_by=_CLOSING_KEY,
    optional=True,
    fields=(
        *_CLOSING,
        Field("z_buchungstag", "date"),
        Field("taxonomie_version"),
        Field("z_start_id"),
        Field("z_ende_id"),
        Field("name"),
        Field("z_se_zahlungen", "decimal"),
        Field("z_se_barzahlungen", "decimal"),
    ),
)

LOYALTY = Table(
    source="shop",
    name="loyalty",
    description="Loyalty card members",
    key=("member_no",),
    replace_by=("member_no",),
    optional=True,
    fields=(
        Field("member_no", required=True),
        Field("card_no", aliases=("loyalty_card_no",), personal=True),
        Field("first_name", personal=True),
        Field("last_name", personal=True),
        Field("name", personal=True, description="first and last name in one field"),
        Field("birth_date", "date", personal=True),
        Field("email", personal=True),
        Field("phone", personal=True),
        Field("street", personal=True, description="may hold the house number"),
        Field("house_no", personal=True),
        Field("postal_code"),
        Field("city"),
        Field("country"),
        Field("store_id"),
        Field("issued_at", "instant"),
        Field("updated_at", "instant"),
        Field("consent_email", "boolean"),
        Field("consent_post", "boolean"),
        Field("consent_phone", "boolean"),
    ),
)

TABLES = (TRANSACTIONS, LINES, LINES_VAT, PAYMENTS, LOCATIONS, CLOSINGS, LOYALTY)
