"""T36, T37 what one engine lacks, or reads otherwise than the other, is refused on both before it decides."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from opa_house import Opa, opa_server
from small_city import REGO, ask, files, refusal

from exchange.errors import PolicyInvalid
from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.choice import open_engine
from exchange.policy.engines.rego_functions import ALLOWED
from exchange.policy.engines.settings import RegoSettings

HEAD = "package exchange.departments.port\n"


@pytest.fixture(scope="module")
def opa() -> Iterator[Opa]:
    with opa_server() as started:
        yield started


@pytest.fixture(params=["regorus", "opa"])
def on_engine(request: pytest.FixtureRequest) -> Iterator[object]:
    """Loads the small city on one engine, started as a broker would."""
    url = request.getfixturevalue("opa").url if request.param == "opa" else "http://127.0.0.1:1"
    engine = open_engine(RegoSettings(engine=request.param, url=url, timeout_ms=5000, workers=1))
    yield lambda module: load(files({REGO: HEAD + module}), 1, engine=engine)
    engine.close()


@pytest.mark.parametrize("constant", ["true", "false", "1", '"x"', "`x`", "null"])
def test_t36_not_before_a_constant_is_refused_since_opa_takes_it_for_nothing(constant: str) -> None:
    assert "`not` stands before a constant" in refusal({REGO: f"{HEAD}allow if {{ not {constant} }}\n"})


@pytest.mark.needs("opa")
@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_t36_every_function_offered_is_known_to_opa(opa: Opa, name: str) -> None:
    engine = open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=5000, workers=1))
    said = ""
    try:
        load(files({REGO: f"{HEAD}allow if {name}(input.purpose)\n"}), 1, engine=engine)
    except PolicyInvalid as error:
        said = str(error)  # the number or type of its arguments is wrong, but the function is known
    engine.close()
    assert "undefined function" not in said


@pytest.mark.needs("opa")
def test_t36_what_only_opa_refuses_is_refused_with_its_line(opa: Opa) -> None:
    engine = open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=5000, workers=1))
    with pytest.raises(PolicyInvalid, match=r"departments/port/conditions.rego:4: OPA says"):
        load(files({REGO: f"{HEAD}\nallow if {{\n  count(1) == 2\n}}\n"}), 1, engine=engine)
    engine.close()


@pytest.mark.needs("opa")
def test_t36_a_function_that_fails_under_not_denies_on_both(on_engine: object) -> None:
    bundle = _load(on_engine, 'allow if { input.purpose != ""; not to_number(input.purpose) == 5 }\n')
    assert ask(bundle).decision.reason == "condition-failed"


@pytest.mark.needs("opa")
@pytest.mark.parametrize("text", ['{"kind": "system"}', '"; allow := true #', "${x}", "应急处置"])
def test_t35_a_value_that_looks_like_code_is_text_on_both(on_engine: object, text: str) -> None:
    bundle = _load(on_engine, f"allow if input.columns[0] == `{text}`\n")
    assert ask(bundle, columns=(text,)).decision.reason == "column-unknown"  # the condition opened


@pytest.mark.needs("opa")
def test_t37_a_pathological_pattern_is_bounded_on_both(on_engine: object) -> None:
    bundle = _load(on_engine, "allow if regex.match(`^(a|aa)+$`, input.columns[0])\n")
    began = time.monotonic()
    assert ask(bundle, columns=("a" * 100 + "!",)).decision.reason == "condition-not-met"
    assert time.monotonic() - began < 5


@pytest.mark.needs("opa")
def test_t36_modules_of_departments_and_revisions_stay_apart_on_opa(opa: Opa) -> None:
    engine = open_engine(RegoSettings(engine="opa", url=opa.url, timeout_ms=5000))
    old = load(files({REGO: f"{HEAD}allow if input.state == `normal`\n"}), 1, engine=engine)
    new = load(files({REGO: f"{HEAD}allow if input.state == `emergency`\n"}), 2, engine=engine)
    assert ask(old).decision.allowed, "a request in flight keeps its revision"
    assert not ask(new).decision.allowed
    del old
    newer = load(files(), 3, engine=engine)
    assert ask(newer).decision.allowed
    engine.close()


def _load(on_engine: object, module: str) -> Bundle:
    assert callable(on_engine)
    bundle = on_engine(module)
    assert isinstance(bundle, Bundle)
    return bundle
