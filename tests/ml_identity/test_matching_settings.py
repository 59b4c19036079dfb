"""`config/matching.yml`: the shipped file is the defaults, mistakes are named."""

import pytest

from stammkunde.errors import ConfigError
from stammkunde.matching import MatchingSettings, load_matching


def test_the_shipped_file_says_what_the_defaults_are():
    assert load_matching() == MatchingSettings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("treshold: auto\n", "unknown key 'treshold'; did you mean 'threshold'"),
        ("threshold: 0.3\n", "threshold: .*from 0.5 to below 1"),
        ("vetoes: [twin]\n", "did you mean 'twins'"),
        ("wrong_match_weight: 0\n", "wrong_match_weight"),
        ("poisoned: {phone: 3}\n", "unknown key 'poisoned.phone'; did you mean 'phones'"),
        ("systems_without_duplicates: [till]\n", "systems_without_duplicates"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    path = tmp_path / "matching.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_matching(path)


def test_a_weights_file_is_relative_to_the_settings(tmp_path):
    path = tmp_path / "matching.yml"
    path.write_text("weights: ours.csv\n")
    assert load_matching(path).weights == tmp_path / "ours.csv"
