"""The functions a condition may call: pure, known to both engines, and bounded by the size of what they read.

Left out on purpose: all that reads host, network, clock or chance (T38); all that regorus lacks, since a
missing function under `not` allows (T36); all that can grow its answer far beyond its input (`numbers.range`,
`replace`, `sprintf`, `bits.lsh`, `yaml.unmarshal`, T30).
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\[\]]*\]")
_FLAGS = re.compile(r"\(\?(?!:)")

ALLOWED = frozenset(
    {
        "abs",
        "array.concat",
        "array.reverse",
        "array.slice",
        "ceil",
        "concat",
        "contains",
        "count",
        "endswith",
        "floor",
        "indexof",
        "intersection",
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_set",
        "is_string",
        "lower",
        "max",
        "min",
        "object.get",
        "object.keys",
        "object.remove",
        "object.subset",
        "object.union",
        "product",
        "regex.match",
        "round",
        "semver.compare",
        "semver.is_valid",
        "sort",
        "split",
        "startswith",
        "strings.any_prefix_match",
        "strings.any_suffix_match",
        "strings.count",
        "substring",
        "sum",
        "time.add_date",
        "time.clock",
        "time.date",
        "time.diff",
        "time.parse_duration_ns",
        "time.parse_rfc3339_ns",
        "time.weekday",
        "to_number",
        "trim",
        "trim_left",
        "trim_prefix",
        "trim_right",
        "trim_space",
        "trim_suffix",
        "type_name",
        "union",
        "upper",
    }
)

_HOST = (
    "http.",
    "net.",
    "opa.",
    "rand.",
    "uuid.rfc4122",
    "time.now_ns",
    "io.",
    "providers.",
    "trace",
    "print",
)


def why_not(name: str) -> tuple[str, str]:
    """What is wrong with calling a function that is not allowed, and the mend."""
    if name.startswith(_HOST):
        return f"`{name}` reads the host, the network, the clock or chance", "the time is input.time"
    return f"no function `{name}` is offered", f"offered are: {', '.join(sorted(ALLOWED))}"


def is_anchored(pattern: str) -> bool:
    """Whether a regular expression must match the whole text, whatever alternative is taken (T28)."""
    # what is escaped, and what stands in a class, are characters to match and mean nothing else
    bare = _CLASS.sub("x", _ESCAPE.sub("x", pattern))
    if not (bare.startswith("^") and bare.endswith("$")) or _FLAGS.search(bare):
        return False
    depth = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        if depth < 0 or (character == "|" and depth == 0):
            return False
    return "[" not in bare and depth == 0
