"""What is put before stewards."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from steward_world import World

from ml.identity.clusters import components
from ml.identity.review import weakest_links


def queue(world):
    return {
        (kind, a, b)
        for kind, a, b in world.query("select kind, record_id_a, record_id_b from identity.review_candidate")
    }


def test_uncertain_pairs_are_found_and_sure_ones_are_not():
    world = (
        World()
        .write(list("abcdefghij"))
        .score(
            ("a", "b", 0.91),  # a customer that hangs by one weak pair
            ("c", "d", 0.999),
            ("e", "f", 0.85),  # just too weak
            ("g", "h", 0.999, "twins"),
            ("i", "j", 0.01),
        )
    )
    world.resolve()
    assert queue(world) == {("weak_link", "a", "b"), ("almost", "e", "f"), ("vetoed", "g", "h")}


def test_a_weak_pair_beside_a_strong_path_is_no_weak_link():
    pairs = [("a", "b", 0.9999), ("b", "c", 0.9999), ("a", "c", 0.91)]
    world = World().write(list("abc")).score(*pairs)
    world.resolve()
    assert queue(world) == set()


def test_matching_records_that_a_guard_parts_are_asked_about():
    world = World().write(list("abc")).score(("a", "b", 0.9999), ("b", "c", 0.999), ("a", "c", 0.2, "twins"))
    world.resolve()
    assert queue(world) == {("kept_apart", "b", "c")}


def test_what_a_steward_decided_is_not_asked_again():
    world = World().write(list("abcd")).score(("a", "b", 0.85), ("c", "d", 0.91))
    world.decide("unlink", "a", "b")
    world.decide("link", "c", "d")
    assert world.resolve().uncertain_pairs == 0


def test_an_unlink_settles_every_pair_between_the_two_customers():
    world = World().write(list("abc")).score(("a", "b", 0.9999), ("b", "c", 0.85))
    world.decide("unlink", "a", "c")
    world.resolve()
    assert queue(world) == set()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] < p[1]),
            st.sampled_from([0.91, 0.92, 0.95, 0.99]),
        ),
        max_size=12,
    )
)
def test_weak_links_are_those_whose_loss_leaves_no_path_as_strong(pairs):
    a, b = (np.array([pair[side] for pair, _ in pairs], dtype=np.int64) for side in (0, 1))
    strength = np.array([s for _, s in pairs])
    found = {int(i) for i in weakest_links(7, a, b, strength, 0.95)}
    strong = strength >= 0.95
    parts = components(7, a[strong], b[strong])
    whole = components(7, a, b)
    # Together with the strong pairs they hold every cluster, and none is spare.
    kept = strong.copy()
    kept[sorted(found)] = True
    assert (components(7, a[kept], b[kept]) == whole).all()
    assert len(found) == len(set(parts.tolist())) - len(set(whole.tolist()))
    # Without pairs as strong as a weak link, nothing else joins its ends.
    for i in found:
        stronger = strength > strength[i]
        label = components(7, a[stronger], b[stronger])
        assert label[a[i]] != label[b[i]]


def test_weak_links_do_not_depend_on_the_order_of_the_pairs():
    pairs = [(0, 1, 0.91), (1, 2, 0.91), (0, 2, 0.91), (2, 3, 0.92), (1, 3, 0.92)]
    answers = set()
    for order in itertools.permutations(pairs):
        a, b, s = (np.array(column) for column in zip(*order, strict=True))
        found = weakest_links(4, a, b, s, 0.95)
        answers.add(frozenset((int(a[i]), int(b[i])) for i in found))
    assert len(answers) == 1
