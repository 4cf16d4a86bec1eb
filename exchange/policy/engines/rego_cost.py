"""A bound on the rounds one decision can go, from the text alone (T30): the first net, which names the line.

regorus has no timer and holds the interpreter while it runs, so an endless rule would stop the whole process.
What a function builds is not counted here, so departments' modules run in workers that can be killed, unless
they are plain (`rego_plain`).
Rego without recursion always ends; what is left is how soon. A body costs its statements times the product of
what it iterates over; a name costs what its rule costs, every time. What exceeds the budget is refused.
"""

from __future__ import annotations

from typing import Any

from exchange.model.dataset import COLUMNS_MAX
from exchange.policy.engines.rego_ast import Definition, Node, path_of
from exchange.policy.files.classification import TAGS_PER_COLUMN_MAX
from exchange.policy.files.source import Place, refused
from exchange.policy.files.vocabulary import ROLES_MAX

STEPS_MAX = 500_000
"""About a quarter of a second in regorus, at the largest input there can be."""

_SIZES = {"tags": TAGS_PER_COLUMN_MAX, "roles": ROLES_MAX}


def check_cost(file: str, rules: list[Definition]) -> None:
    """Refuse recursion (it overflows the engine's stack and ends the process) and rules beyond the budget.

    Raises:
        PolicyInvalid: names the line of the rule.
    """
    costs = cost_of(file, rules)
    for rule in rules:
        if costs[rule.name] > STEPS_MAX:
            place = Place(file, rule.line)
            raise refused(
                place, f"rule {rule.name!r} may take too many steps", "iterate over columns only once"
            )


def cost_of(file: str, rules: list[Definition]) -> dict[str, int]:
    """By name of a rule, the steps it takes at most.

    Raises:
        PolicyInvalid: a rule calls itself.
    """
    costs = _Costs(file, rules)
    return {rule.name: costs.of_name(rule.name) for rule in rules}


class _Costs:
    def __init__(self, file: str, rules: list[Definition]) -> None:
        self._file = file
        self._rules: dict[str, list[Definition]] = {}
        for rule in rules:
            self._rules.setdefault(rule.name, []).append(rule)
        self._known: dict[str, int] = {}
        self._open: list[str] = []

    def of_name(self, name: str) -> int:
        if name not in self._rules:
            return 0
        if name in self._open:
            line = self._rules[name][0].line
            raise refused(
                Place(self._file, line), f"rule {name!r} calls itself", "write it without recursion"
            )
        if name not in self._known:
            self._open.append(name)
            self._known[name] = sum(self._of_rule(rule) for rule in self._rules[name])
            self._open.pop()
        return self._known[name]

    def _of_rule(self, rule: Definition) -> int:
        body = {key: value for key, value in rule.node.items() if key not in {"head", "refr", "span"}}
        return 1 + self._of(body) + self._of(_values(rule.node.get("head"))) * _factor(body)

    def _of(self, tree: Any) -> int:
        """Steps of a part of the tree; a query multiplies by all that it iterates over."""
        if isinstance(tree, list):
            return sum(map(self._of, tree))
        if not isinstance(tree, dict):
            return 0
        if "stmts" in tree:
            return min((1 + self._of(tree["stmts"])) * _factor(tree["stmts"]), STEPS_MAX * 2)
        own = int("literal" in tree) + int("Call" in tree)
        if "Var" in tree:
            own += self.of_name(tree["Var"]["value"])
        terms = {"term", "key", "value"} & tree.keys() if "query" in tree else set()
        rest = sum(self._of(value) for name, value in tree.items() if name != "span" and name not in terms)
        head = sum(self._of(tree[name]) for name in terms)
        return own + rest + head * (_factor(tree["query"]["stmts"]) if terms else 1)


def _values(head: Any) -> Any:
    """The parts of a rule's head that are evaluated: its key and assigned value, not its own name."""
    if not head:
        return None
    ((_, inner),) = head.items()
    return [inner.get("key"), inner.get("assign")]


def _factor(tree: Any) -> int:
    """How often at most a query goes round: the product of the iterations in it, nested queries excepted."""
    if isinstance(tree, list):
        product = 1
        for item in tree:
            product = min(product * _factor(item), STEPS_MAX * 2)
        return product
    if not isinstance(tree, dict) or ("query" in tree and "domain" not in tree and "bodies" not in tree):
        return 1
    own = 1
    if "collection" in tree:
        own = _size(tree["collection"])
    elif "domain" in tree:
        own = _size(tree["domain"])
    elif "RefBrack" in tree and "Var" in tree["RefBrack"]["index"]:
        own = _size(tree["RefBrack"]["refr"])
    return own * _factor([value for name, value in tree.items() if name not in {"span", "query"}])


def _size(collection: Node) -> int:
    """The most elements the collection can have."""
    ((kind, inner),) = collection.items()
    if kind in {"Array", "Set"}:
        return max(1, len(inner.get("items", ())))
    path = path_of(collection) or ""
    return _SIZES.get(path.rpartition(".")[2], COLUMNS_MAX)
