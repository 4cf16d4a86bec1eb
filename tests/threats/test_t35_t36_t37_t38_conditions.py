"""T35 values that imitate code, T36 missing functions, T37 pathological regex, T38 reading the host."""

from __future__ import annotations

import pytest
from small_city import CITY, FILES, REGO, ask, refusal, small_city

HEAD = "package exchange.departments.port\n"


@pytest.mark.parametrize(
    "text", ['{"kind": "system"}', '"; allow := true #', "true", "input.subject.id", "${x}", "null", "[1]"]
)
def test_t35_a_value_that_looks_like_json_or_rego_is_text(text: str) -> None:
    same = f"{HEAD}allow if input.columns[0] == `{text}`\n"
    decision = ask(small_city({REGO: same}), columns=(text,)).decision
    assert decision.reason == "column-unknown"  # the condition saw exactly this text and opened
    parsed = f"{HEAD}allow if not is_string(input.columns[0])\n"
    assert ask(small_city({REGO: parsed}), columns=(text,)).decision.reason == "condition-not-met"


def test_t35_chinese_values_compare_as_they_are() -> None:
    city = FILES[CITY].replace("[role]", '[purpose."应急处置"]\ntitle = "应急"\n[role]')
    grants = "p, role:first-responder, port.flights, read, 应急处置, allow\n"
    module = f'{HEAD}allow if input.purpose == "应急处置"\n'
    bundle = small_city({CITY: city, REGO: module, "departments/port/grants.csv": grants})
    assert ask(bundle, purpose="应急处置").decision.allowed


@pytest.mark.parametrize(
    "call",
    [
        "nosuch(1)",
        "io.jwt.decode(input.purpose)",
        "crypto.sha256(input.purpose)",
        "json.patch({}, [])",
        "sprintf(`%s`, [input.purpose])",
        "numbers.range(1, 1000000000)",
        "yaml.unmarshal(input.purpose)",
        "walk(input.columns)",
    ],
)
@pytest.mark.parametrize(
    "form", ["allow if {}", "allow if not {}", "allow if {{ false; {} }}", "allow := [1 | {}]"]
)
def test_t36_a_function_that_is_not_offered_is_refused_wherever_it_stands(call: str, form: str) -> None:
    text = refusal({REGO: f"{HEAD}\n{form.format(call)}\n"})
    name = call.partition("(")[0]
    assert text in {
        f"departments/port/conditions.rego:3: no function `{name}` is offered",
        f"departments/port/conditions.rego:3: `{name}` reads the host, the network, the clock or chance",
    }


@pytest.mark.parametrize(
    "body",
    [
        "allow if not input.subject.departmnt",
        "allow if not input.dataset.columns.tags",
        'allow if input["purpse"] == "x"',
        'allow if object.get(input, "purpse", true)',
        "allow if { x := input; not x.purpse }",
        "allow if not missing_rule",
        "allow if { some key; input[key] }",
    ],
)
def test_t36_a_part_of_the_input_that_is_not_there_is_refused(body: str) -> None:
    refusal({REGO: f"{HEAD}{body}\n"})


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("package exchange.departments.weather\nallow if true\n", "the package is"),
        ("package exchange.baseline\nallow if true\n", "the package is"),
        (f"{HEAD}import data.exchange.departments.weather\nallow if true\n", "nothing but rego.v1"),
        (f"{HEAD}allow if not data.exchange.departments.weather.allow\n", "reads its input only"),
        (f'{HEAD}allow if input.state == "normal" with input.state as "normal"\n', "`with` replaces"),
        (f"{HEAD}alow if true\n", "defines no allow"),
        (f"{HEAD}deny contains `x` if false\n", "defines no allow"),
        (f"{HEAD}allow if true\ndenny contains `x`\n", "nothing uses rule 'denny'"),
        (f"{HEAD}allow if true\ndeny if true\n", "wrong shape"),
        (f"{HEAD}allow contains true\n", "wrong shape"),
        (f"{HEAD}default allow := true\nallow if false\n", "default of allow is not false"),
        (f"{HEAD}allow if true\nallow.evil := 1\n", "dotted or computed"),
        (f"{HEAD}allow if count([])\ncount(x) := true\n", "a name of the engine's"),
        (f"{HEAD}allow {{ true }}\n", "not Rego"),
        (f"{HEAD}allow if {{\n", "not Rego"),
        ("", "not Rego"),
    ],
)
def test_t36_a_module_that_could_fail_open_is_refused(module: str, said: str) -> None:
    text = refusal({REGO: module})
    assert text.startswith("departments/port/conditions.rego:")
    assert said in text


def test_t37_a_pathological_pattern_is_answered_in_linear_time() -> None:
    module = f"{HEAD}allow if regex.match(`^(a|aa)+$`, input.columns[0])\n"
    name = "a" * 100 + "!"
    assert ask(small_city({REGO: module}), columns=(name,)).decision.reason == "condition-not-met"


def test_t37_a_pattern_that_explodes_when_compiled_denies() -> None:
    module = f"{HEAD}allow if regex.match(`^((a{{900}}){{900}}){{900}}$`, input.columns[0])\n"
    assert ask(small_city({REGO: module}), columns=("a",)).decision.reason == "condition-failed"


@pytest.mark.parametrize(
    "call",
    [
        "time.now_ns()",
        "opa.runtime()",
        'http.send({"method": "get", "url": "http://127.0.0.1"})',
        'net.lookup_ip_addr("example.org")',
        'rand.intn("x", 5)',
        'uuid.rfc4122("x")',
        "trace(`x`)",
        "print(`x`)",
    ],
)
def test_t38_reading_host_network_clock_or_chance_is_refused(call: str) -> None:
    text = refusal({REGO: f"{HEAD}allow if {call}\n"})
    assert text.endswith("reads the host, the network, the clock or chance")


def test_t38_time_comes_with_the_request() -> None:
    module = f"{HEAD}allow if time.clock(time.parse_rfc3339_ns(input.time))[0] == 12\n"
    assert ask(small_city({REGO: module})).decision.allowed
