"""The second generator: deterministic, complete, as dirty as it is told, shaped like the warehouse."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml

from ml.identity.worlds import PRESETS, SCHEMA, TRUTH_SCHEMA, World, WorldSettings, make_world, varied
from ml.identity.worlds.demo import demo_world
from stammkunde.home import PROJECT_ROOT

GERMAN = PRESETS["german"]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(GERMAN, 20_000, seed=3)


def rows(world: World, sql: str) -> list[tuple]:
    with duckdb.connect() as connection:
        for name in ("records", "truth", "traits"):
            connection.register(name, getattr(world, name))
        return connection.execute(sql).fetchall()


def value(world: World, sql: str) -> float:
    return rows(world, sql)[0][0]


def test_columns_are_those_of_the_source_records(world):
    models = yaml.safe_load(
        (PROJECT_ROOT / "dbt/models/intermediate/identity/_identity.yml").read_text(encoding="utf-8")
    )["models"]
    described = next(m for m in models if m["name"] == "int_source_records")
    assert [c["name"] for c in described["columns"]] == SCHEMA.names
    assert world.records.schema.equals(SCHEMA)
    assert world.truth.schema.equals(TRUTH_SCHEMA)


def test_equal_arguments_give_equal_worlds(world):
    again = make_world(GERMAN, 20_000, seed=3)
    assert again.records.equals(world.records)
    assert again.truth.equals(world.truth)
    assert again.traits.equals(world.traits)


def test_another_seed_gives_other_people(world):
    other = make_world(GERMAN, 20_000, seed=4)
    names = "select count(distinct first_name || last_name || birth_date) from records"
    assert value(world, names) != value(other, names)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("size", [50, 3_001])
def test_every_preset_gives_exactly_so_many_records_and_the_truth_about_each(preset, size):
    made = make_world(PRESETS[preset], size, seed=11)
    assert made.records.num_rows == size
    assert value(made, "select count(distinct record_id) from records") == size
    for table in ("truth", "traits"):
        unknown = f"select count(*) from records full join {table} as other using (record_id) "
        assert value(made, unknown + "where records.kind is null or other.record_id is null") == 0
    assert value(made, "select count(*) from truth where entity_id is null") == 0
    required = "source_system is null or source_record_id is null or first_source is null or is_guest is null"
    assert value(made, f"select count(*) from records where {required} or created_at > updated_at") == 0
    assert value(made, "select count(*) from records where kind not in ('person', 'company')") == 0


def test_an_entity_has_one_household_and_one_place_in_it(world):
    several = "select count(*) from (select entity_id from truth group by 1 having count(distinct {}) > 1)"
    assert value(world, several.format("coalesce(household_id, '-')")) == 0
    assert value(world, several.format("coalesce(role, '-')")) == 0


def test_proportions_are_those_of_a_retailer(world):
    shares = dict(rows(world, "select source_system, count(*) / 20000 from records group by all"))
    assert shares == pytest.approx(
        {"shop": 0.366, "webshop": 0.293, "branch": 0.197, "leads": 0.144}, abs=0.02
    )
    (entities, pairs) = rows(
        world,
        "select count(*), sum(n * (n - 1) // 2) from (select count(*) as n from truth group by entity_id)",
    )[0]
    assert entities / 20_000 == pytest.approx(0.531, abs=0.02)
    assert pairs / 20_000 == pytest.approx(0.725, abs=0.06)


@pytest.mark.parametrize(
    ("trait", "setting", "factor"),
    [("nickname", "nickname", 0.65), ("swapped", "swapped_names", 1), ("one_field", "one_field_name", 1)],
)
def test_mistakes_happen_as_often_as_they_are_told_to(trait, setting, factor):
    often = make_world(replace(GERMAN, **{setting: 0.2}), 20_000, seed=5)
    never = make_world(replace(GERMAN, **{setting: 0.0}), 20_000, seed=5)
    share = f"""
        select avg({trait}::int) from traits join records using (record_id)
        where first_name is not null or traits.one_field
    """
    assert value(often, share) == pytest.approx(0.2 * factor, rel=0.3)
    assert value(never, share) == 0


def test_copies_are_whole_rows_under_another_number():
    copied = replace(GERMAN, sources=tuple(replace(s, copied=0.05) for s in GERMAN.sources))
    made = make_world(copied, 20_000, seed=6)
    assert value(made, "select avg(copied::int) from traits") == pytest.approx(0.047, rel=0.2)
    unlike = """
        select count(*) from traits join records as a using (record_id) join truth as x using (record_id)
        where copied and not exists (
            from records as b join truth as y using (record_id)
            where x.entity_id = y.entity_id and a.record_id <> b.record_id
                and a.first_name is not distinct from b.first_name
                and a.last_name is not distinct from b.last_name
                and a.email is not distinct from b.email and a.phone is not distinct from b.phone
        )
    """
    assert value(made, unlike) == 0


def test_gaps_are_as_wide_as_told(world):
    for source in GERMAN.sources:
        found = rows(
            world,
            "select avg((email is null)::int), avg((birth_date is null)::int), avg((street is null)::int) "
            f"from records join truth using (record_id) where source_system = '{source.system}' "
            "and role <> 'company'",
        )[0]
        # Some have no address to give, and some gaps are filled with placeholders.
        assert source.missing_email - 0.02 <= found[0] <= source.missing_email + 0.1
        assert found[1] == pytest.approx(source.missing_birth_date, abs=0.03)
        street = 1 - (1 - source.missing_address) * (1 - source.missing_street)
        assert found[2] == pytest.approx(street, abs=0.03)


def test_a_clean_world_has_no_mistakes():
    clean = make_world(PRESETS["clean"], 5_000, seed=8)
    traits = [c for c in clean.traits.column_names if c not in ("record_id", "from_company")]
    assert {t: value(clean, f"select count(*) from traits where {t}") for t in traits} == dict.fromkeys(
        traits, 0
    )
    spellings = (
        "select count(*) from (select entity_id from records join truth using (record_id) "
        "where role <> 'company' group by 1 having count(distinct {}) > 1)"
    )
    for column in ("birth_date", "last_name", "street", "email"):
        assert value(clean, spellings.format(column)) == 0, column


def test_households_share_what_households_share(world):
    def together(first: str, second: str, alike: str) -> tuple[int, int]:
        return rows(
            world,
            f"""
            select count(*), count(*) filter ({alike})
            from truth x join truth y on x.household_id = y.household_id and x.entity_id < y.entity_id
            join records a on a.record_id = x.record_id join records b on b.record_id = y.record_id
            where x.role = '{first}' and y.role = '{second}' and ({alike}) is not null
            """,
        )[0]

    (pairs, same) = together("twin", "twin", "a.birth_date = b.birth_date")
    assert pairs >= same > 0.8 * pairs > 0
    (pairs, same) = together("adult", "namesake", "a.first_name = b.first_name")
    assert same > 0.6 * pairs > 0
    (pairs, same) = together("adult", "partner", "a.last_name = b.last_name")
    assert 0.5 * pairs < same < 0.8 * pairs
    assert together("adult", "partner", "a.email = b.email")[1] > 0


def test_an_email_address_belongs_to_one_household():
    quiet = replace(PRESETS["clean"], email=1.0, family_email=0.3, family_email_use=1.0)
    made = make_world(quiet, 20_000, seed=2)
    shared = """
        select count(*) from (
            select email from records join truth using (record_id)
            where role <> 'company' and email is not null
            group by email having count(distinct household_id) > 1
        )
    """
    assert value(made, shared) == 0


def test_no_number_of_a_record_tells_whose_it_is(world):
    """Records are numbered in the order of capture, not in the order of people."""
    beside = value(
        world,
        """
        select avg((entity_id = before)::int)
        from (select entity_id, lag(entity_id) over (order by record_id) as before from truth)
        """,
    )
    assert beside < 0.005


def test_varied_worlds_differ_and_stay_valid():
    found = [varied(GERMAN, seed) for seed in range(20)]
    assert len({w.nickname for w in found}) == 20
    assert len({w.sources[0].missing_email for w in found}) == 20
    assert all(w.sources[1].missing_email == 0.0 for w in found)
    assert varied(GERMAN, 7) == found[7]
    assert make_world(found[0], 500, seed=1).records.num_rows == 500


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match=r"nickname must lie between 0 and 1, not 1\.5"):
        WorldSettings(nickname=1.5)
    with pytest.raises(ValueError, match=r"SourceSettings\.missing_email"):
        GERMAN.every_source(missing_email=-0.1)
    with pytest.raises(ValueError, match="at least 50 records, not 49"):
        make_world(GERMAN, 49, seed=1)
    with pytest.raises(ValueError, match="exceed 1"):
        WorldSettings(couples=0.9, families=0.9)


def test_the_demo_retailer_as_a_world():
    made = demo_world(500, seed=1)
    assert made.records.schema.equals(SCHEMA)
    assert made.truth.schema.equals(TRUTH_SCHEMA)
    assert made.records.num_rows == made.truth.num_rows == len(set(made.truth["record_id"].to_pylist()))
    assert set(made.truth["record_id"].to_pylist()) == set(made.records["record_id"].to_pylist())
    assert demo_world(500, seed=1).records.equals(made.records)


def test_wider_lists_are_a_choice(tmp_path: Path):
    wider = PROJECT_ROOT.parent / "shared/data/german_reference"
    if not wider.exists():
        pytest.skip("needs ../shared/data/german_reference")
    small, wide = (make_world(GERMAN, 5_000, seed=1, wider=w) for w in (None, wider))
    towns = "select count(distinct postal_code) from records"
    assert value(wide, towns) > value(small, towns)
    assert isinstance(wide.records, pa.Table)
    with pytest.raises(FileNotFoundError):
        make_world(GERMAN, 50, seed=1, wider=tmp_path)
