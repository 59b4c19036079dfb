"""From raw party records to golden customers, with dbt and the identity step as a run does it."""

import pytest
from dbt_project import AS_OF, Warehouse, at
from dbt_runs import command

EARLY = "+int_pair_comparisons"
LATE = (
    "stg_touchpoints__mail_events int_customer_records int_email_problems int_place_mismatches "
    "survivorship_rule int_golden_candidates int_golden_attributes_ranked int_golden_winners "
    "int_golden_values int_golden_records int_household_members int_account_links int_account_parents "
    "customer_identity customer_id_history customer_attribute account account_contact"
)
VARS = f"{{as_of: {AS_OF}}}"
WITHOUT_TESTS = ("--exclude-resource-type", "test", "unit_test")


def person(**values):
    return {"first_name": "Maria", "last_name": "Müller", **values}


def build(warehouse):
    """The parties' part of a run."""
    warehouse.dbt("build", *WITHOUT_TESTS, "--select", *EARLY.split())
    warehouse.resolve()
    warehouse.dbt("build", *WITHOUT_TESTS, "--select", *LATE.split())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    warehouse = Warehouse(tmp_path_factory.mktemp("world"))
    warehouse.load(
        "shop__loyalty",
        person(member_no="M1", card_no="C1", email="Maria.Mueller@gmail.com", birth_date="1980-05-01",
               street="Lange Straße 5", postal_code="80331", city="München", issued_at=at("2020-01-01"),
               updated_at=at("2020-01-01")),
        # husband with the same card, e-mail and address
        person(member_no="M2", first_name="Peter", card_no="C1", email="maria.mueller@gmail.com",
               street="Lange Str. 5", postal_code="80331", city="München", issued_at=at("2020-01-02")),
        # twins
        person(member_no="M3", first_name="Anna", last_name="Schulz", birth_date="2001-02-03",
               street="Am Hof 1", postal_code="10115", issued_at=at("2021-01-01")),
        person(member_no="M4", first_name="Lena", last_name="Schulz", birth_date="2001-02-03",
               street="Am Hof 1", postal_code="10115", issued_at=at("2021-01-01")),
        # father and son of one name
        person(member_no="M5", first_name="Karl", last_name="Weber", birth_date="1955-01-10",
               street="Feldweg 7", postal_code="50667", phone="0221 4711471", issued_at=at("2021-02-01")),
        person(member_no="M6", first_name="Karl", last_name="Weber", birth_date="1985-09-20",
               street="Feldweg 7", postal_code="50667", phone="0221 4711471", issued_at=at("2021-02-02")),
        # nobody
        person(member_no="M7", first_name="", last_name="Laufkunde", email="kasse@laden.de"),
        person(member_no="M8", first_name=None, last_name="Laufkunde", email="kasse@laden.de"),
    )  # fmt: skip
    warehouse.load(
        "branch__customer",
        person(customer_no="B1", kind="person", last_name="Mueller", email="mariamueller@googlemail.com",
               phone="+49 89 555123", mobile="0170/1234599", street="Neue Gasse", house_no="9",
               postal_code="80333", city="München", updated_at=at("2024-01-01")),
        person(customer_no="B2", kind="company", company_name="Bau Krause GmbH & Co. KG", first_name="Jan",
               last_name="Krause", vat_id="DE 136 695 976", email="info@bau-krause.de", postal_code="04103",
               street="Werkstr.", house_no="1", created_at=at("2019-01-01")),
        person(customer_no="B3", kind="person", first_name="Karl", last_name="Weber", street="Feldweg",
               house_no="7", postal_code="50667"),
        person(customer_no="B4", kind="person", email="maria.mueller@gmail.com", deleted_at=at("2024-05-05")),
    )  # fmt: skip
    warehouse.load(
        "webshop__customers",
        # maiden name, same mobile number
        person(customer_id="W1", last_name="Huber", email="m.huber@web.de", phone="0049 170 1234599",
               created_at=at("2018-03-01")),
        person(customer_id="W2", company="Bau Krause", first_name="Eva", last_name="Lang",
               email="einkauf@bau-krause.de", street="Werkstraße 1", postal_code="04103"),
        # swapped names
        {"customer_id": "W3", "first_name": "Schulz", "last_name": "Anna", "birth_date": "2001-02-03"},
    )  # fmt: skip
    warehouse.load(
        "leads__leads",
        {"lead_id": "L1", "captured_at": at("2025-01-01"), "source": "fair", "name": "Jan Krause",
         "company": "Bau Krause GmbH", "email": "jan.krause@bau-krause.de"},
        {"lead_id": "L2", "captured_at": at("2025-01-01"), "source": "newsletter", "email": "m.huber@web.de"},
    )  # fmt: skip
    warehouse.load("webshop__orders", {"order_id": "O1", "customer_id": "W9", "ordered_at": at("2025-06-01")})
    build(warehouse)
    return warehouse


def test_every_record_has_one_customer_and_deleted_ones_none(world):
    found = world.customers()
    assert len(found) == 8 + 3 + 3 + 2 + 1
    assert "branch:B4" not in found
    assert "webshop:W9" in found  # only an order knows this customer


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("shop:M1", "branch:B1"),  # e-mail in another spelling, other umlaut, moved
        ("branch:B1", "webshop:W1"),  # other last name, same mobile number
        ("webshop:W1", "leads:L2"),  # e-mail of one person
        ("shop:M3", "webshop:W3"),  # names swapped, same birth date
        ("branch:B2", "webshop:W2"),  # company without legal form, same address
    ],
)
def test_one_customer(world, a, b):
    found = world.customers()
    assert found[a] == found[b]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("shop:M1", "shop:M2"),  # couple
        ("shop:M3", "shop:M4"),  # twins
        ("shop:M5", "shop:M6"),  # father and son
        ("branch:B3", "shop:M5"),  # nobody knows which Karl
        ("branch:B3", "shop:M6"),
        ("shop:M7", "shop:M8"),  # nobody
        ("leads:L1", "branch:B2"),  # the person is not the company
    ],
)
def test_two_customers(world, a, b):
    found = world.customers()
    assert found[a] != found[b]


def golden(world, record):
    customer_id = world.customers()[record]
    names = [
        row[0]
        for row in world.query(
            "select column_name from information_schema.columns "
            "where table_schema = 'golden' and table_name = 'int_golden_records' order by ordinal_position"
        )
    ]
    (values,) = world.query(f"select * from golden.int_golden_records where customer_id = '{customer_id}'")
    return dict(zip(names, values, strict=True))


def test_survivorship(world):
    customer = golden(world, "shop:M1")
    assert customer["first_name"] == "Maria"
    assert customer["last_name"] == "Mueller"  # the branch comes first for names
    # The newest complete address moves as a whole.
    assert (customer["street"], customer["house_no"], customer["postal_code"]) == ("Neue Gasse", "9", "80333")
    assert str(customer["birth_date"]) == "1980-05-01"
    assert customer["phone"] == "+491701234599"
    # The webshop's beats the lead's, which is newer, and among customers' values the newest wins.
    assert customer["email"] == "mariamueller@googlemail.com"
    assert customer["source_systems"] == ["branch", "leads", "shop", "webshop"]
    assert customer["record_count"] == 4


def test_each_golden_value_tells_where_it_comes_from(world):
    customer_id = world.customers()["shop:M1"]
    rows = world.query(
        "select attribute, value, rule, source_system, source_record_id from marts.customer_attribute "
        f"where customer_id = '{customer_id}' and attribute in ('street', 'birth_date', 'last_name')"
    )
    assert sorted(rows) == [
        ("birth_date", "1980-05-01", "only_value", "shop", "M1"),
        ("last_name", "Mueller", "source_priority", "branch", "B1"),
        ("street", "Neue Gasse", "most_recent", "branch", "B1"),
    ]


def test_households_are_families_of_one_address(world):
    found = world.customers()
    households = dict(world.query("select customer_id, household_id from golden.int_household_members"))
    # Father, son, and the record that could be either.
    assert len({households[found[record]] for record in ("shop:M5", "shop:M6", "branch:B3")}) == 1
    assert households[found["shop:M3"]] == households[found["shop:M4"]]
    # Maria has moved away from Peter.
    assert households[found["shop:M1"]] != households[found["shop:M2"]]


def test_accounts_hold_their_people(world):
    (row,) = world.query(
        "select account_id, customer_id, company_name, vat_id, contact_count, person_count, "
        "person_customer_ids from marts.account"
    )
    found = world.customers()
    assert row[1] == found["branch:B2"]
    assert row[0] == "a_" + row[1][2:]
    assert row[2:6] == ("Bau Krause GmbH & Co. KG", "DE136695976", 2, 1)
    assert row[6] == [found["leads:L1"]]


def test_a_second_run_changes_nothing(world):
    def state():
        return [
            world.query(f"select * from {table} order by all")
            for table in ("marts.customer_identity", "marts.customer_id_history", "golden.int_golden_records")
        ]

    before = state()
    build(world)
    assert state() == before


def test_new_versions_replace_old_ones(tmp_path):
    warehouse = Warehouse(tmp_path)
    warehouse.load("shop__loyalty", person(member_no="1", updated_at=at("2025-01-01")), load=1)
    warehouse.load("shop__loyalty", person(member_no="1", city="Bonn", updated_at=at("2025-02-01")), load=2)
    # An older version that arrives late does not win.
    warehouse.load("shop__loyalty", person(member_no="1", city="Ulm", updated_at=at("2024-01-01")), load=3)
    # A closing is replaced as a whole: its second line has gone.
    head = {"z_kasse_id": "K", "z_erstellung": at("2025-01-01"), "z_nr": 1, "bon_id": "1", "gv_typ": "Umsatz"}
    lines = [{**head, "pos_zeile": str(i), "menge": i} for i in (1, 2)]
    warehouse.load("shop__lines", *lines, load=1)
    warehouse.load("shop__lines", lines[0], load=2)
    # Snapshots: only the latest load counts.
    warehouse.load("branch__branch", {"branch_id": "A"}, {"branch_id": "B"}, load=1)
    warehouse.load("branch__branch", {"branch_id": "B"}, load=2)
    warehouse.dbt("run", "--select", "stg_shop__loyalty_members", "stg_branch__branches")
    assert warehouse.query("select city from staging.stg_shop__loyalty_members") == [("Bonn",)]
    assert warehouse.query("select branch_id from staging.stg_branch__branches") == [("B",)]
    inline = "select pos_zeile from {{ latest_version('shop__lines') }} as lines"
    compiled = command(warehouse.path, "--quiet", "compile", "--inline", inline, "--vars", VARS)
    assert warehouse.query(compiled.stdout) == [("1",)]


def test_shared_identifiers_do_not_explode(tmp_path):
    warehouse = Warehouse(tmp_path)
    warehouse.execute(
        # One record 50,000 times, one e-mail address on 400 customers, one telephone number for everybody.
        "insert into raw.shop__loyalty (member_no, first_name, last_name, email, _load_id, _source_line) "
        "select 'D' || i, 'Otto', 'Huber', 'otto.huber@web.de', '000001', i from range(50000) t(i)",
        "insert into raw.branch__customer (customer_no, kind, first_name, last_name, email, phone, _load_id, "
        "_source_line) select 'S' || i, 'person', "
        "chr((97 + i % 26)::int) || 'vor' || chr((97 + i // 26)::int), "
        "chr((97 + i // 26)::int) || 'nach' || chr((97 + i % 26)::int), 'filiale@laden.de', '089 123456', "
        "'000001', i "
        "from range(400) t(i)",
    )
    warehouse.dbt("build", *WITHOUT_TESTS, "--select", *EARLY.split())
    ((pairs,),) = warehouse.query("select count(*) from identity.int_candidate_pairs")
    assert pairs < 5_000
    poisoned = warehouse.query(
        "select identifier_kind, record_count from identity.int_poisoned_identifiers order by 1"
    )
    assert poisoned == [("email", 400), ("phone", 400)]
    assert warehouse.resolve().customers == 1 + 400


def test_a_run_without_a_day_is_refused(tmp_path):
    refused = command(Warehouse(tmp_path).path, "run", "--select", "stg_leads__leads")
    assert refused.returncode != 0
    assert "The day of the run is missing" in refused.stdout


def test_everything_builds_on_no_data_and_the_models_unit_tests_pass(tmp_path):
    built = command(Warehouse(tmp_path).path, "build", "--vars", VARS)
    assert built.returncode == 0, built.stdout[-6000:]
    assert "ERROR=0" in built.stdout
    assert " unit tests" in built.stdout
