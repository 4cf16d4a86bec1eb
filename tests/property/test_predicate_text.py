"""Every predicate that can be built is rendered to a text that reads back as the same predicate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exchange.model.predicate import And, Compare, In, IsNull, Like, Not, Or, Predicate
from exchange.model.predicate_sql import parse, render

text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
names = text.filter(lambda name: name.strip() == name and name != "")
scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != 0)
    | text
)
leaf: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(Compare, column=names, op=st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), value=scalars),
    st.builds(In, column=names, values=st.lists(scalars, min_size=1, max_size=4).map(tuple)),
    st.builds(IsNull, column=names),
    st.builds(Like, column=names, pattern=text.filter(lambda pattern: "\\" not in pattern)),
)


def _nested(inner: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    # AND of ANDs is written without its inner brackets' meaning: build what the parser builds, flat
    def terms(kind: type) -> st.SearchStrategy[tuple[Predicate, ...]]:
        return st.lists(inner.filter(lambda p: not isinstance(p, kind)), min_size=2, max_size=3).map(tuple)

    return st.one_of(
        st.builds(And, terms=terms(And)), st.builds(Or, terms=terms(Or)), st.builds(Not, term=inner)
    )


@given(st.recursive(leaf, _nested, max_leaves=8))
def test_parse_reads_what_render_writes(predicate: Predicate) -> None:
    assert parse(render(predicate)) == predicate
