"""The true population and what its records get wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion.demo import companies, reference, text
from ingestion.demo.catalogue import catalogue, make_places
from ingestion.demo.people import make_population
from ingestion.demo.purchases import make_members, simulate
from ingestion.demo.rates import ErrorRates
from ingestion.demo.records import Gaps, observe
from ingestion.demo.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World(customers=6000)


@pytest.fixture(scope="module")
def population(world):
    return make_population(world)


def everybody(world: World, population, stream: str = "test", gaps: Gaps | None = None):
    who = np.arange(population.size)
    return observe(world, population, stream, who, np.zeros(population.size, dtype=np.int64), gaps or Gaps())


@pytest.mark.parametrize(
    ("name", "column", "least"),
    [
        ("given_names", "name", 300),
        ("surnames", "surname", 500),
        ("towns", "town", 250),
        ("streets", "street", 250),
        ("products", "product_no", 380),
    ],
)
def test_reference_lists_are_large_enough_and_clean(name: str, column: str, least: int) -> None:
    values = reference.texts(name, column).to_pylist()
    assert len(set(values)) >= least
    assert all(v and v == v.strip() for v in values)


def test_surname_shares_follow_a_falling_curve() -> None:
    names, shares = reference.surnames()
    assert shares.sum() == pytest.approx(1.0)
    assert names[0].as_py() == "Müller"
    assert shares[0] > 2 * shares[10] > 4 * shares[100]
    assert len(set(names.to_pylist())) == len(names)


def german_vat_is_valid(number: str) -> bool:
    product = 10
    for digit in number[2:10]:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(number[10])


def austrian_vat_is_valid(number: str) -> bool:
    digits = [int(c) for c in number[3:]]
    total = 0
    for position, digit in enumerate(digits[:7]):
        value = digit * (1, 2)[position % 2]
        total += value // 10 + value % 10
    return (96 - total) % 10 == digits[7]


def swiss_uid_is_valid(number: str) -> bool:
    digits = [int(c) for c in number if c.isdigit()]
    rest = sum(d * w for d, w in zip(digits, (5, 4, 3, 2, 7, 6, 5, 4), strict=False)) % 11
    return len(digits) == 9 and (11 - rest) % 11 == digits[8]


def test_the_check_of_vat_numbers_knows_real_ones() -> None:
    assert german_vat_is_valid("DE136695976")
    assert austrian_vat_is_valid("ATU13585627")
    assert swiss_uid_is_valid("CHE-116.281.710 MWST")
    assert not german_vat_is_valid("DE136695977")


def test_vat_numbers_have_valid_check_digits() -> None:
    country = np.arange(3000) % 3
    numbers = companies.vat_ids(np.random.default_rng(5), country).to_pylist()
    checks = (german_vat_is_valid, austrian_vat_is_valid, swiss_uid_is_valid)
    assert all(checks[c](n) for c, n in zip(country, numbers, strict=True))
    assert all(len(n) == length for n, length in zip(numbers[:3], (11, 11, 20), strict=True))


def test_products_have_a_margin_and_valid_gtins() -> None:
    goods = catalogue()
    net = goods.gross * 100 / (100 + goods.vat)
    assert (goods.cost > 0).all() and (goods.cost < net).all()
    for gtin in goods.gtin.to_pylist():
        total = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(gtin))
        assert len(gtin) == 13 and total % 10 == 0


def test_population_has_households_of_every_kind(population) -> None:
    roles = {chr(r) for r in np.unique(population.role[: population.persons])}
    assert roles == set("ABCNST")
    son = np.flatnonzero(population.role == ord("N"))
    father = son - 2
    assert (population.household[son] == population.household[father]).all()
    assert (population.given[son] == population.given[father]).all()
    assert (population.birth_date[son] > population.birth_date[father] + 7000).all()
    twins = np.flatnonzero((population.role[:-1] == ord("T")) & (population.role[1:] == ord("T")))
    same = population.household[twins] == population.household[twins + 1]
    assert (population.birth_date[twins[same]] == population.birth_date[twins[same] + 1]).all()
    assert population.is_company.sum() == 360


def test_people_of_a_household_share_address_and_landline(population) -> None:
    partner = np.flatnonzero(population.role == ord("B"))
    for pair in (population.homes.town, population.homes.street, population.homes.house):
        assert (pair[0][partner] == pair[0][partner - 1]).all()
    line = population.reach.landline.number
    both = pc.equal(line.take(pa.array(partner)), line.take(pa.array(partner - 1))).drop_null()
    assert len(both) > 300 and pc.all(both).as_py()


def test_email_addresses_are_given_once(population) -> None:
    known = population.reach.email.drop_null().to_pylist()
    assert len(known) == len(set(known)) > 3000


def test_a_world_is_a_function_of_its_parameters(world, population) -> None:
    again = everybody(World(customers=6000), make_population(World(customers=6000)))
    assert again.columns == everybody(world, population).columns
    other = everybody(world, make_population(World(seed=2, customers=6000)))
    assert other.columns["last_name"] != again.columns["last_name"]


def test_without_errors_records_are_the_truth(world, population) -> None:
    clean = everybody(dataclasses.replace(world, rates=ErrorRates.none()), population)
    assert clean["first_name"] == reference.texts("given_names", "name").take(pa.array(population.given))
    person = ~population.is_company
    assert (clean.birth_date[person] == population.birth_date[person]).all()
    assert clean["email"].null_count == population.reach.email.null_count


@pytest.mark.parametrize(
    ("rate", "column"),
    [
        ("typo_first_name", "first_name"),
        ("typo_last_name", "last_name"),
        ("typo_street", "street"),
        ("nickname", "first_name"),
        ("upper_case", "city"),
        ("swapped_names", "last_name"),
        ("umlaut_digraph", "last_name"),
        ("missing_email", "email"),
        ("placeholder_email", "email"),
    ],
)
def test_errors_come_at_their_rate(world, population, rate: str, column: str) -> None:
    none = ErrorRates.none()
    clean = everybody(dataclasses.replace(world, rates=none), population)[column].to_pylist()
    dirty_world = dataclasses.replace(world, rates=dataclasses.replace(none, **{rate: 0.2}))
    dirty = everybody(dirty_world, population)[column].to_pylist()
    changed = np.array([a != b for a, b in zip(clean, dirty, strict=True)])
    possible = np.ones(len(clean), dtype=bool)
    if rate == "umlaut_digraph":
        possible = np.array([any(c in "äöüÄÖÜß" for c in name) for name in clean])
    if rate == "nickname":
        known = set(reference.texts("nicknames", "name").to_pylist())
        possible = np.array([name in known for name in clean])
    if rate == "missing_email":
        possible = np.array([value is not None for value in clean])
    assert not changed[~possible].any()
    # Some typing errors change nothing (two equal letters swapped), so the lower bound is wider.
    assert 0.15 < changed[possible].mean() < 0.22


def test_birth_dates_are_swapped_and_replaced(world, population) -> None:
    rates = dataclasses.replace(ErrorRates.none(), swapped_day_month=1.0)
    swapped = everybody(dataclasses.replace(world, rates=rates), population).birth_date
    for before, after in list(zip(population.birth_date, swapped, strict=True))[:500]:
        day, month = before.item().day, before.item().month
        if np.isnat(after):
            continue
        expected = (month, day) if day <= 12 else (day, month)
        assert (after.item().day, after.item().month) == expected
    rates = dataclasses.replace(ErrorRates.none(), placeholder_birth_date=1.0)
    placed = everybody(dataclasses.replace(world, rates=rates), population).birth_date
    assert (placed[: population.persons] == np.datetime64("1900-01-01")).all()


def test_typos_change_one_place() -> None:
    values = pa.array(["Johannes", "Schmidt", "Ute", "Al"] * 50)
    changed = text.typos(values, np.random.default_rng(3)).to_pylist()
    assert all(a == b for a, b in zip(values.to_pylist(), changed, strict=True) if a == "Al")
    for before, after in zip(values.to_pylist(), changed, strict=True):
        assert after and after[0] == before[0] and "\0" not in after
        assert abs(len(after) - len(before)) <= 1


def test_mojibake_is_utf8_read_as_cp1252() -> None:
    assert text.mojibake(pa.array(["Müller", "Groß"])).to_pylist() == ["MÃ¼ller", "GroÃŸ"]


def test_customers_leave_and_complaints_drive_them_away(world, population) -> None:
    members = make_members(world, population)
    orders = simulate(world, population, members, make_places(world))
    bought = (orders.person >= 0) & (orders.returns < 0)
    count = np.bincount(orders.person[bought], minlength=population.size)
    assert (count <= members.leaves_after).all()
    assert (count[members.rate_per_year == 0] == 0).all()
    last = np.full(population.size, -1)
    np.maximum.at(last, orders.person[bought], orders.day[bought])
    fatal = np.flatnonzero(orders.drives_away)
    # Sundays move by a day, so "the last" is the last within one day.
    assert len(fatal) > 20 and (last[orders.person[fatal]] - orders.day[fatal] <= 1).all()
    quiet = last[count > 0] < world.days - 365
    assert 0.2 < quiet.mean() < 0.6


def test_returns_follow_their_purchase(world, population) -> None:
    orders = simulate(world, population, make_members(world, population), make_places(world))
    back = np.flatnonzero(orders.returns >= 0)
    source = orders.returns[back]
    assert len(back) > 100
    assert (orders.person[back] == orders.person[source]).all()
    assert (orders.day[back] > orders.day[source]).all()
    index, owner = orders.lines.of(back)
    assert (orders.lines.quantity[index] < 0).all()
    bought, of = orders.lines.of(source)
    assert set(zip(owner, orders.lines.product[index], strict=True)) <= set(
        zip(of, orders.lines.product[bought], strict=True)
    )
    weekday = (np.datetime64(world.start).astype(int) + orders.day + 3) % 7
    assert not ((weekday == 6) & (orders.channel != 2)).any()
