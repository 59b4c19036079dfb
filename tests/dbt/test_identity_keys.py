"""From source records to comparisons: what becomes comparable, what is poisoned, who is compared and how."""

from datetime import date

import duckdb
import pytest
from identity_records import records

from ml.identity.bench import compare_pairs

NAMED = [
    ("n1", "Jörg", "Müller"), ("n2", "JOERG", "MUELLER"), ("n3", "Dr. Stephan", "von der Heide"),
    ("n4", "Stefan", "Heide"), ("n5", "René", "Müller-Lüdenscheidt"), ("n6", None, "Laufkunde"),
    ("n7", "?", "-"), ("n8", "MÃ¼ller", "JÃ¶rg"), ("n9", "Иван", "Иванов"), ("n10", "😀", "نور"),
    ("n11", "x" * 10_000, "Meier"),
]  # fmt: skip
CONTACTS = {
    "c1": {"vat_id": "DE 136 695 976", "birth_date": date(1980, 5, 1),
           "email": " Maria.Mueller+Shop@GoogleMail.com ", "phone": "089/55 51 23-4",
           "postal_code": "D-80331", "street": "Lange Straße", "house_no": "5 A"},
    "c2": {"vat_id": "de136695976", "birth_date": date(1900, 1, 1), "email": "mailto:<m.huber@web.de>",
           "phone": "+49 (0) 89 555 1234", "postal_code": "80331", "street": "lange-str.", "house_no": "5a"},
    "c3": {"vat_id": "DE123456789", "birth_date": date(2030, 1, 1), "email": "kein@email.de",
           "phone": "0049895551234", "postal_code": "1067", "country": "DE"},
    "c4": {"vat_id": "CHE-116.281.710 MWST", "birth_date": date(1905, 1, 1), "email": "maria@",
           "postal_code": "1067", "phone": "044 668 18 00", "country": "CH"},
    "c5": {"vat_id": "ATU12345675", "email": "a b@c.de", "phone": "0664 1234599", "country": "AT"},
    "c6": {"vat_id": "12", "email": "noreply@firma.de", "phone": "00000000"},
    "c7": {"email": "Info@Firma.DE", "phone": "0123456789"},
    "c8": {"vat_id": "", "email": "", "phone": "110", "mobile": "0171 2345678"},
}  # fmt: skip
COUPLE = {"last_name": "Vogt", "street": "Am Ring", "house_no": "3", "postal_code": "50667", "city": "Köln"}
MAIL = "paula@gmx.de"
WORLD = (
    *({"record_id": i, "first_name": first, "last_name": last} for i, first, last in NAMED),
    *({"record_id": i, **values} for i, values in CONTACTS.items()),
    {"record_id": "f1", "kind": "company", "company_name": "Bau Krause GmbH & Co. KG"},
    {"record_id": "f2", "kind": "company", "company_name": "BAU KRAUSE"},
    {"record_id": "f3", "last_name": "Bau Krause GmbH"},
    # everybody's number; a mailbox of one person with many records
    *({"record_id": f"p{i:02}", "first_name": chr(65 + i) + "da", "last_name": chr(66 + i) + "ohm",
       "phone": "0221 4711471", "mobile": "0221 4711471"} for i in range(12)),
    *({"record_id": f"q{i:02}", "first_name": "Anna", "last_name": "Weber",
       "email": "anna@web.de", "phone": f"0221 98765{i:02}"} for i in range(12)),
    {"record_id": "h1", "first_name": "Paul", "birth_date": date(1980, 3, 4), "email": MAIL, **COUPLE},
    {"record_id": "h2", "first_name": "Paula", "birth_date": date(1980, 4, 3), "email": MAIL, **COUPLE},
    {"record_id": "h3", "first_name": "Paul", "birth_date": date(1950, 11, 25), **COUPLE},
    {"record_id": "h4", "first_name": "Paul", **COUPLE},
    {"record_id": "h5", "first_name": "Paul", **COUPLE, "source_system": "leads"},
    {"record_id": "h6", "first_name": "Vogt", "last_name": "Paul", "postal_code": "50667"},
)  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    warehouse = compare_pairs(records(*WORLD), tmp_path_factory.mktemp("keys"))
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        yield connection


def of(keys, columns: str, *ids: str) -> list[tuple]:
    rows = keys.execute(f"select record_id, {columns} from identity.int_record_keys").fetchall()
    found = {row[0]: row[1:] for row in rows}
    return [found[i] for i in ids]


def pair(keys, columns: str, a: str, b: str) -> tuple | None:
    return keys.execute(
        f"select {columns} from identity.int_pair_comparisons where record_id_a = ? and record_id_b = ?",
        [a, b],
    ).fetchone()


def test_names_become_comparable(keys):
    names = of(keys, "first_key, last_key", *(f"n{i}" for i in range(1, 6)))
    assert names == [
        ("jorg", "muller"), ("jorg", "muller"), ("stefan", "heide"), ("stefan", "heide"),
        ("rene", "muller ludenscheidt"),
    ]  # fmt: skip
    assert of(keys, "is_junk, last_key", "n6", "n7") == [(True, "laufkunde"), (False, None)]
    assert of(keys, "first_key, last_key", "n8")[0] == ("muller", "jorg")
    assert of(keys, "first_key, last_key", "n9", "n10") == [("иван", "иванов"), (None, "نور")]
    assert of(keys, "length(first_key), last_key", "n11") == [(60, "meier")]


def test_companies_become_comparable(keys):
    assert of(keys, "kind, company_key, last_key", "f1", "f2", "f3") == [("company", "baukrause", None)] * 3


def test_contacts_become_comparable(keys):
    assert of(keys, "vat_key, birth_key, email_key, phone_key", *CONTACTS) == [
        ("DE136695976", date(1980, 5, 1), "mariamueller@gmail.com", "+49895551234"),
        ("DE136695976", None, "m.huber@web.de", "+49895551234"),
        (None, None, None, "+49895551234"),
        ("CHE116281710", date(1905, 1, 1), None, "+41446681800"),
        ("ATU12345675", None, None, "+436641234599"),
        (None, None, None, None),
        (None, None, "info@firma.de", None),
        (None, None, None, None),
    ]
    assert of(keys, "mobile_key", "c8") == [("+491712345678",)]
    assert of(keys, "postal_key", "c1", "c2", "c3", "c4") == [("80331",), ("80331",), ("01067",), ("1067",)]
    assert of(keys, "address_key", "c1", "c2") == [("80331|langestr|5a",)] * 2


def test_what_everybody_uses_is_poisoned_and_what_one_person_uses_often_is_not(keys):
    listed = keys.execute(
        "select identifier_kind, identifier_value, record_count, name_count"
        " from identity.int_poisoned_identifiers"
    ).fetchall()
    assert listed == [("phone", "+492214711471", 12, 12)]
    assert of(keys, "phone_key, mobile_key", "p03") == [(None, None)]
    assert of(keys, "email_key, email_owners", "q03") == [("anna@web.de", 1)]


def test_records_of_one_content_have_one_representative(keys):
    assert of(keys, "representative_id", "h4", "h5") == [("h4",)] * 2
    assert pair(keys, "kind", "h1", "h5") is None


def test_father_and_son_leave_a_record_without_birth_date_in_doubt(keys):
    assert of(keys, "is_namesake", "h1", "h2", "h3", "h4") == [(False,), (False,), (False,), (True,)]
    assert pair(keys, "birth_date, namesake", "h1", "h3") == ("generation", "no")
    assert pair(keys, "birth_date, namesake", "h1", "h4") == ("unknown", "yes")


def test_values_compare_by_levels(keys):
    levels = "first_name, last_name, birth_date, address, email, email_owners, home, mailbox"
    assert pair(keys, levels, "h1", "h2") == ("other", "equal", "swapped", "equal", "equal", "1", "1", "this")
    assert pair(keys, "first_name, last_name, address, name_count", "h1", "h6") == (
        "other",
        "swapped",
        "code",
        "none",
    )
    assert pair(keys, "kind, company, vat_id", "f1", "f2") == ("company", "equal", "unknown")
    assert pair(keys, "phone, vat_id, birth_date, contact", "c1", "c2") == (
        "landline",
        "equal",
        "unknown",
        "unknown",
    )
