"""Clusters against an independent solver, and the guards that split them."""

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.identity.clusters import cluster, components


@st.composite
def graphs(draw):
    """Count, pairs (a < b), a probability per pair, vetoes (a < b)."""
    count = draw(st.integers(1, 24))
    node = st.integers(0, count - 1)
    pair = st.tuples(node, node).filter(lambda p: p[0] != p[1]).map(lambda p: (min(p), max(p)))
    pairs = draw(st.lists(pair, max_size=40, unique=True)) if count > 1 else []
    probability = draw(st.lists(st.sampled_from([0.9, 0.95, 0.99]), min_size=len(pairs), max_size=len(pairs)))
    vetoes = draw(st.lists(pair, max_size=10, unique=True)) if count > 1 else []
    return count, pairs, probability, vetoes


def indices(values):
    return np.array(list(values), dtype=np.int64)


def arrays(count, pairs, probability, vetoes):
    return (
        count,
        indices(a for a, _ in pairs),
        indices(b for _, b in pairs),
        np.array(probability, dtype=np.float64),
        indices(a for a, _ in vetoes),
        indices(b for _, b in vetoes),
    )


def parts(labels):
    found = {}
    for index, label in enumerate(labels.tolist()):
        found.setdefault(label, set()).add(index)
    return {frozenset(part) for part in found.values()}


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_without_guards_clusters_are_the_connected_components(graph):
    count, pairs, probability, _ = graph
    reference = networkx.Graph()
    reference.add_nodes_from(range(count))
    reference.add_edges_from(pairs)
    found = cluster(*arrays(count, pairs, probability, []), maximum_size=1000)
    assert parts(found.labels) == {frozenset(c) for c in networkx.connected_components(reference)}
    assert found.kept.all()
    assert all(label == min(part) for part in parts(found.labels) for label in {found.labels[min(part)]})


@settings(max_examples=300, deadline=None)
@given(graphs(), st.integers(2, 6))
def test_guards_hold_and_nothing_is_split_without_need(graph, maximum_size):
    count, pairs, probability, vetoes = graph
    found = cluster(*arrays(count, pairs, probability, vetoes), maximum_size=maximum_size)
    for a, b in vetoes:
        assert found.labels[a] != found.labels[b]
    clusters = parts(found.labels)
    assert max(len(part) for part in clusters) <= maximum_size
    used = networkx.Graph()
    used.add_nodes_from(range(count))
    used.add_edges_from(pair for pair, kept in zip(pairs, found.kept, strict=True) if kept)
    assert clusters == {frozenset(c) for c in networkx.connected_components(used)}
    # A refused pair joins two clusters that really may not be one.
    for (a, b), kept in zip(pairs, found.kept, strict=True):
        if not kept:
            left, right = (
                {i for i in range(count) if found.labels[i] == found.labels[end]} for end in (a, b)
            )
            crossing = any({x, y} & left and {x, y} & right for x, y in vetoes)
            assert crossing or len(left) + len(right) > maximum_size


@settings(max_examples=100, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(graph, random):
    count, pairs, probability, vetoes = graph
    first = cluster(*arrays(count, pairs, probability, vetoes))
    order = list(range(len(pairs)))
    random.shuffle(order)
    random.shuffle(vetoes)
    second = cluster(*arrays(count, [pairs[i] for i in order], [probability[i] for i in order], vetoes))
    assert first.labels.tolist() == second.labels.tolist()


def test_a_veto_splits_at_the_weakest_pair():
    pairs = [(0, 1), (1, 2), (2, 3)]
    found = cluster(*arrays(4, pairs, [0.99, 0.90, 0.95], [(0, 3)]))
    assert parts(found.labels) == {frozenset({0, 1}), frozenset({2, 3})}
    assert found.kept.tolist() == [True, False, True]


def test_the_same_content_counts_once():
    copies = [(0, i) for i in range(1, 5000)]
    found = cluster(*arrays(5001, [*copies, (7, 5000)], [1.0] * 4999 + [0.9], []), maximum_size=3)
    assert parts(found.labels) == {frozenset(range(5001))}


def test_a_veto_within_the_same_content_is_an_error():
    with pytest.raises(ValueError, match="same content"):
        cluster(*arrays(2, [(0, 1)], [1.0], [(0, 1)]))


def test_no_records():
    empty = indices([])
    assert components(0, empty, empty).tolist() == []
    assert cluster(*arrays(0, [], [], [])).labels.tolist() == []


def test_hundreds_of_pairs_between_two_contents_are_one_link():
    left = [(0, i) for i in range(1, 256)]
    right = [(256, i) for i in range(257, 512)]
    crossing = [(i, 256 + i) for i in range(256)]
    found = cluster(*arrays(512, left + right + crossing, [1.0] * 510 + [0.9] * 256, []))
    assert parts(found.labels) == {frozenset(range(512))}
