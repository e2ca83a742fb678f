"""What is put off is handed over once, whatever happens in between."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from django_oidc_logout.framework import batching


def test_without_a_batch_nothing_waits():
    flushed = []
    batching.put_off(flushed.append, 1)
    batching.put_off(flushed.append, 2)
    assert flushed == [[1], [2]]


def test_batch_hands_over_at_its_end():
    flushed, others = [], []
    one, two = flushed.append, others.append
    with batching.batch():
        for number in (1, 2):
            batching.put_off(one, number)
            batching.put_off(two, -number)
        assert (flushed, others) == ([], [])
    assert (flushed, others) == ([[1, 2]], [[-1, -2]])
    batching.put_off(one, 3)
    assert flushed == [[1, 2], [3]]


def test_batch_in_a_batch_hands_over_first():
    flushed = []
    flush = flushed.append
    with batching.batch():
        batching.put_off(flush, "outer")
        with batching.batch():
            batching.put_off(flush, "inner")
        assert flushed == [["inner"]]
    assert flushed == [["inner"], ["outer"]]


def test_batch_or_join_hands_over_with_the_batch_it_joins():
    flushed = []
    flush = flushed.append
    with batching.batch_or_join():
        batching.put_off(flush, 1)
        with batching.batch_or_join():
            batching.put_off(flush, 2)
        assert flushed == []
    assert flushed == [[1, 2]]


def test_context_that_outlives_its_batch_hands_over_at_once():
    """As of a background task that a receiver has started."""
    flushed = []
    with batching.batch():
        kept = copy_context()
    kept.run(batching.put_off, flushed.append, 1)
    assert flushed == [[1]]


def test_batch_that_is_interrupted_hands_over():
    flushed = []

    def work():
        with batching.batch():
            batching.put_off(flushed.append, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert flushed == [[1]]
