"""The settings files that a steward edits: what they mean to dbt, and what a typo says."""

import pytest
import yaml

from stammkunde.errors import ConfigError
from stammkunde.golden import lifecycle, survivorship
from stammkunde.home import PROJECT_ROOT


def dbt_vars():
    text = (PROJECT_ROOT / "dbt" / "dbt_project.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["vars"]


def test_dbt_by_hand_and_a_run_of_the_shipped_settings_do_the_same():
    assert survivorship.load_survivorship().dbt_var() == dbt_vars()["survivorship"]
    shipped = lifecycle.load_lifecycle().dbt_vars()
    assert shipped == {name: dbt_vars()[name] for name in shipped}


def test_the_fields_of_a_group_are_those_of_the_dbt_macro():
    macro = (PROJECT_ROOT / "dbt" / "macros" / "survivorship.sql").read_text(encoding="utf-8")
    returned = macro.split("return({", 1)[1].split("})", 1)[0]
    written = yaml.safe_load("{" + returned + "}")
    assert {group: tuple(fields) for group, fields in written.items()} == survivorship.FIELDS


def changed(path, old, new):
    text = survivorship.SETTINGS_FILE.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("strategy: most_recent", "strategy: most_recnt", "'most_recnt'; did you mean 'most_recent'?"),
        ("  email:", "  emial:", "unknown key 'groups.emial'; did you mean 'email'?"),
        ("  email:", "  emial:", "groups.email: Field required"),
        ("sources: [branch, shop", "sources: [brunch, shop", "unknown word 'brunch'; did you mean 'branch'?"),
        ("sources: [branch, shop", "sources: [shop, shop", "sources: 'shop' is named twice"),
        ("[most_frequent, most_recent]", "[]", "groups.birth_date.strategy: name one to three strategies"),
        ("[most_frequent, most_recent]", "12", "groups.birth_date.strategy"),
        ("allow_fill", "alow_fill", "unknown key 'groups.name.alow_fill'; did you mean 'allow_fill'?"),
        ("  phone:\n", "  phone:\n    allow_fill: true\n", "groups.phone.allow_fill: a group of one field"),
        ("groups:", "groups", "not valid YAML"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_named(tmp_path, old, new, message):
    path = changed(tmp_path / "survivorship.yml", old, new)
    with pytest.raises(ConfigError) as refused:
        survivorship.load_survivorship(path)
    assert str(path) in str(refused.value)
    assert message in str(refused.value)


def test_a_missing_file_and_a_list_are_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the settings"):
        survivorship.load_survivorship(tmp_path / "none.yml")
    (tmp_path / "list.yml").write_text("- a\n")
    with pytest.raises(ConfigError, match="expected keys such as 'sources', 'groups'"):
        survivorship.load_survivorship(tmp_path / "list.yml")


def test_a_source_that_is_not_named_comes_last(tmp_path):
    path = changed(tmp_path / "s.yml", "sources: [branch, webshop, shop, leads]", "sources: [shop]")
    rules = survivorship.load_survivorship(path).dbt_var()
    assert rules["company_name"]["sources"] == ["shop", "branch", "webshop", "leads"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lapsing: {after_days: 400}", "lapsing.after_days must be below lost.after_days"),
        ("lapsing: {after_days: 90, after_gaps: 3}", "set it for lapsing and for lost, or for neither"),
        (
            "lapsing: {after_days: 90, after_gaps: 6}\nlost: {after_days: 180, after_gaps: 6}",
            "lapsing.after_gaps must be below lost.after_gaps",
        ),
        ("lost: {after_days: 365, at_least_days: 800}", "lost: at_least_days exceeds at_most_days"),
        ("lost: {after_dys: 365}", "unknown key 'lost.after_dys'; did you mean 'after_days'?"),
        ("loyal: {purchase_days: many}", "loyal.purchase_days"),
    ],
)
def test_a_lifecycle_that_cannot_be_is_named(tmp_path, text, message):
    path = tmp_path / "lifecycle.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        lifecycle.load_lifecycle(path)
    assert message in str(refused.value)


def test_an_empty_lifecycle_is_the_default(tmp_path):
    path = tmp_path / "lifecycle.yml"
    path.write_text("")
    assert lifecycle.load_lifecycle(path) == lifecycle.load_lifecycle()
