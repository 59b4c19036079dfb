"""From raw records to golden marts on a tiny world, with dbt as a run calls it."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
from golden_world import AFTER_STAGING, CUSTOMERS, assign, build, copy_of, values

from stammkunde.golden.corrections import correct

EXPECTED = Path(__file__).parent / "expected_customer_attribute.csv"
GOLDEN = "golden.int_golden_values"
SURVIVORSHIP = (
    "survivorship_rule int_golden_attributes_ranked int_golden_winners int_golden_values customer_attribute"
)


def attributes(warehouse):
    return [
        ";".join("" if value is None else str(value) for value in row)
        for row in warehouse.query(
            "select customer_id, attribute, value, rule, strategy, validity, source_system, "
            "source_record_id, observed_at::date from marts.customer_attribute order by 1, 2"
        )
    ]


def test_every_value_with_its_source_and_reason_is_as_written_down(built):
    assert attributes(built) == EXPECTED.read_text(encoding="utf-8").splitlines()[1:]


def test_the_person_as_a_whole(built):
    maria = values(built, "c_maria")
    # The webshop's address bounces, the lead's is newer but a lead's.
    assert maria["email"] == "maria@old.de"
    assert maria["phone"] == "+491701234599"
    # The newest customer's address as a whole; its country comes from a record of the same address.
    assert [maria[f] for f in ("street", "house_no", "postal_code", "city", "country")] == [
        "Neue Gasse", "9", "80333", "München", "DE",
    ]  # fmt: skip
    assert maria["birth_date"] == "1980-05-01"
    assert (maria["salutation"], maria["title"], maria["last_name"]) == ("Frau", "Dr.", "Müller")
    otto = values(built, "c_otto")
    assert "birth_date" not in otto  # 1.1.1900 stands for none
    assert otto["first_name"] == "Otto"  # the webshop knows an initial only
    assert otto["phone"] == "+492214711471"  # the lead's mobile number is a lead's


def test_first_touch_and_referrals(built):
    rows = built.query(
        "select customer_id, first_source, first_campaign, first_branch_id, referred_by_customer_id "
        "from marts.customer where customer_id in ('c_maria', 'c_otto', 'c_jan') order by 1"
    )
    assert rows == [
        ("c_jan", "form", None, None, "c_maria"),
        ("c_maria", "shop", None, "F1", None),
        ("c_otto", "form", "spring", None, "c_maria"),
    ]
    resolved = built.query("select lead_id, referrer_customer_id, resolved_by from marts.referral order by 1")
    assert resolved == [("L2", "c_maria", "name"), ("L3", "c_maria", "card")]


def test_one_letter_for_the_couple_and_one_for_the_flat_next_door(built):
    rows = built.query(
        "select household_id, recipient_customer_id, address_line, salutation_line, member_count, may_post "
        "from marts.household order by 1"
    )
    assert rows == [
        ("h_flat", "c_flat", "Lena Schulz", "Guten Tag Lena Schulz,", 1, False),
        ("h_maria", "c_maria", "Maria und Peter Müller",
         "Sehr geehrte Frau Dr. Müller, guten Tag Peter Müller,", 2, True),
    ]  # fmt: skip


def test_companies_with_their_people(built):
    rows = built.query(
        "select account_id, vat_id, parent_account_id, contact_count, person_customer_ids "
        "from marts.account order by 1"
    )
    assert rows == [("a_firm", "DE136695976", None, 2, ["c_jan"]), ("a_office", None, "a_firm", 0, None)]
    contacts = built.query("select last_name, customer_id, linked_by from marts.account_contact order by 1")
    assert contacts == [("Krause", None, "own_record"), ("Vogt", "c_jan", "email_domain")]


def test_nothing_changes_in_a_second_build(built):
    before = attributes(built)
    build(built)
    assert attributes(built) == before


def test_the_steward_sets_the_strategies(built):
    shop_first = {"strategies": ["source_priority"], "sources": ["shop", "branch", "webshop", "leads"]}
    build(
        built, SURVIVORSHIP, name={"allow_fill": False}, birth_date=shop_first, email=shop_first,
        address={"strategies": ["longest"], "allow_fill": False},
    )  # fmt: skip
    rows = built.query(
        "select attribute, value, rule from marts.customer_attribute where customer_id = 'c_maria' "
        "and attribute in ('street', 'country', 'title', 'birth_date', 'email', 'phone') order by 1"
    )
    build(built, SURVIVORSHIP)
    assert rows == [
        ("birth_date", "1980-05-01", "source_priority"),
        ("email", "maria@old.de", "customer_before_lead"),
        ("phone", "+491701234599", "mobile_number"),
        ("street", "Lange Straße", "longest"),
    ]


def test_corrections_win_and_follow_the_customer(built, tmp_path):
    warehouse = copy_of(built, tmp_path)
    moment = datetime(2026, 10, 31, tzinfo=UTC)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        made = [
            correct(
                connection, tmp_path / "corrections.jsonl", customer_id="c_maria", attribute=attribute,
                value=value, author="eva", reason="letter", at=moment, default_country="DE",
            )
            for attribute, value in (("house_no", "10"), ("email", "maria@right.de"), ("phone", None))
        ]  # fmt: skip
    build(warehouse, AFTER_STAGING)
    maria = values(warehouse, "c_maria")
    assert (maria["street"], maria["house_no"], maria["city"]) == ("Neue Gasse", "10", "München")
    assert maria["email"] == "maria@right.de"
    assert "phone" not in maria
    shown = warehouse.query(
        "select rule, strategy, source_system, source_record_id, record_id, observed_at "
        "from marts.customer_attribute where customer_id = 'c_maria' and attribute = 'email'"
    )
    assert shown == [
        (
            "correction",
            "correction",
            "steward",
            made[1].correction_id,
            made[1].record_id,
            moment.replace(tzinfo=None),
        )
    ]
    # At number 10 she is a household of her own.
    assert warehouse.query("select count(*) from marts.household") == [(3,)]

    # Split: the record that the e-mail address hung on is a customer of its own; then all merge into Peter.
    rest = tuple(record for record in CUSTOMERS["c_maria"] if record != made[1].record_id)
    assign(warehouse, {**CUSTOMERS, "c_maria": rest, "c_new": (made[1].record_id,)})
    build(warehouse, AFTER_STAGING)
    assert values(warehouse, "c_new")["email"] == "maria@right.de"
    assert values(warehouse, "c_maria").get("email") != "maria@right.de"
    assert values(warehouse, "c_maria")["house_no"] == "10"
    everybody = {name: records for name, records in CUSTOMERS.items() if name not in ("c_maria", "c_peter")}
    assign(warehouse, {**everybody, "c_peter": (*CUSTOMERS["c_peter"], *CUSTOMERS["c_maria"])})
    build(warehouse, AFTER_STAGING)
    peter = values(warehouse, "c_peter")
    assert (peter["email"], peter["house_no"]) == ("maria@right.de", "10")
