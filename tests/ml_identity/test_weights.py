"""Weights as a table: learnt, read, edited, added up; what they refuse."""

import numpy as np
import pyarrow as pa
import pytest

from ml.identity.weights.adapt import prior_shift
from ml.identity.weights.fit import Examples, fit
from ml.identity.weights.table import SHIPPED, Weights, read_weights, write_weights
from stammkunde.errors import ConfigError


def patterns(**columns):
    return pa.table(columns)


def test_what_is_learnt_is_the_odds_of_the_counts():
    """One comparison without penalty: the weight is log2 of how much more often matches show the level."""
    examples = Examples.of(
        patterns(
            email=["equal", "unknown", "other"], match_count=[800, 100, 100], other_count=[100, 100, 800]
        )
    )
    weights = fit(examples, 0, "test", penalty=1e-6)
    assert weights.weights["email", "equal"] == pytest.approx(3, abs=0.02)  # 8 : 1 against 1 : 1 if unknown
    assert weights.weights["email", "other"] == pytest.approx(-3, abs=0.02)
    assert ("email", "unknown") not in weights.weights  # what says nothing weighs nothing
    assert weights.prior == pytest.approx(0, abs=0.02)


def test_an_interaction_is_learnt_where_neither_comparison_says_it():
    same, other = [1000, 100, 100, 1000], [100, 1000, 1000, 100]
    examples = Examples.of(
        patterns(
            first=["equal", "equal", "other", "other"],
            second=["equal", "other", "equal", "other"],
            match_count=same,
            other_count=other,
        )
    )
    weights = fit(examples, 1, "test")
    assert max(abs(w) for (comparison, _), w in weights.weights.items() if "×" in comparison) > 3


def test_weights_add_up_and_an_unlisted_level_weighs_nothing():
    weights = Weights("v", {("prior", ""): -2.0, ("a", "x"): 3.0, ("b", "y"): 1.5, ("a×b", "x×y"): -0.5})
    found = weights.add_up(patterns(a=["x", "x", "z"], b=["y", "n", "y"]))
    assert found.tolist() == [2.0, 1.0, -0.5]
    with pytest.raises(ConfigError, match="no such comparison: b"):
        weights.add_up(patterns(a=["x"]))


def test_an_edited_file_has_a_version_of_its_own(tmp_path):
    path = tmp_path / "weights.csv"
    write_weights(Weights("v1", {("prior", ""): -1.0, ("a", "x"): 2.0}), path, {"match_share": 0.4})
    assert (read_weights(path).version, read_weights(path).learnt_share) == ("v1", 0.4)
    path.write_text(path.read_text().replace("2.000", "2.500"))
    edited = read_weights(path)
    assert edited.version.startswith("edited-")
    assert edited.weights["a", "x"] == 2.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("comparison,weight\n", "line 1: expected comparison,level,weight"),
        ("comparison,level,weight\nprior,,0\na,x,many\n", "line 3: expected"),
        ("comparison,level,weight\nprior,,0\na,x,400\n", "line 3: a weight lies between"),
        ("comparison,level,weight\nprior,,0\na,x,1\na,x,2\n", "line 4: a x is there twice"),
        ("comparison,level,weight\na,x,1\n", "the row prior"),
    ],
)
def test_a_bad_file_names_line_and_reason(tmp_path, text, message):
    path = tmp_path / "weights.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_weights(path)


def test_the_shipped_weights_are_those_of_their_manifest():
    weights = read_weights(SHIPPED)
    assert not weights.version.startswith("edited")
    assert weights.learnt_share is not None
    # A birth date that is the same speaks for one customer, another one against it.
    assert weights.weights["birth_date", "equal"] > 1 > -1 > weights.weights["birth_date", "other"]


def test_the_prior_follows_data_with_fewer_matches():
    """Patterns of 20 bits either way: the share of matches can be counted."""
    bits, learnt = np.array([20.0, -20.0]), 0.5
    many = prior_shift(bits, np.array([100_000.0, 900_000.0]), learnt)
    assert many == pytest.approx(np.log2(0.1 / 0.9), abs=0.1)
    assert abs(prior_shift(bits, np.array([1.0, 9.0]), learnt)) < 0.1  # ten pairs tell nothing
    assert prior_shift(bits, np.array([50_000.0, 50_000.0]), learnt) == pytest.approx(0, abs=1e-3)
