"""Arbitrary input: JSON of any shape, and text with everything that has ever misled a parser."""

from __future__ import annotations

from hypothesis import strategies as st

# `st.text()` leaves surrogates out; JSON can hold them.
characters = st.one_of(
    st.characters(),
    st.characters(categories=["Cs"]),
    st.sampled_from("\0\t\n\r\x0b\x1f\x7f\x85\u200b\u2028\ufeff\uff0f\u202e\"'\\/%&;=+#? "),
)
texts = st.text(characters, max_size=30)
numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**400, -0.0, 1e308, 5e-324]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def changed(draw, original, *, values=json_values, most=3, **pools):
    """Draw a copy of a dict with some entries replaced, removed or added.

    `pools` has for some names what is likely to make a difference there.
    """
    document = dict(original)
    names = st.sampled_from(sorted({*original, *pools}))
    for name in draw(st.lists(names | texts, max_size=most)):
        if name in document and draw(st.booleans()) and draw(st.booleans()):
            del document[name]
        else:
            document[name] = draw(pools.get(name, st.nothing()) | values)
    return document
