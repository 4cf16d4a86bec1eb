"""The conditions gate on a real OPA server: modules pushed under a name of their own, one call per decision.

Every gate has its own package prefix, so another revision, another department or another exchange on the
same server cannot be asked by mistake, and swapping a revision is swapping the gate. OPA forgets everything
when it restarts: then nothing is defined, which denies, and the modules are pushed again.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from exchange.model.canonical import JsonValue
from exchange.policy.engines.protocol import ConditionAnswer
from exchange.policy.engines.rego_answer import EvaluationFailed, Modules, Values, failed, interpret
from exchange.policy.engines.rego_check import RegoModule
from exchange.policy.files.source import Place, refused

CITY = "city"
PUSH_AGAIN_S = 1.0
_STRICT = {"strict-builtin-errors": "true"}
"""A function that fails is then a fault; else it is undefined, and under `not` that allows."""
_PACKAGE = re.compile(r"^[ \t]*package[ \t]+[\w.\[\]\"-]+[ \t]*(#[^\n]*)?$", re.MULTILINE)


class Server(Protocol):
    """What the gate needs of a server; every call ends in bounded time or raises EvaluationFailed."""

    def put(self, id_: str, text: str) -> None:
        """Store a module under the id."""

    def query(self, path: str, question: Mapping[str, JsonValue], options: Mapping[str, str]) -> Any:
        """The whole reply to a question about the document at the path."""

    def forget(self, ids: tuple[str, ...]) -> None:
        """Remove the modules some time later; called from anywhere, never waits."""


class OpaGate:
    """One revision's modules on the server; they go when the last request that holds this gate is done."""

    def __init__(
        self,
        server: Server,
        baseline: RegoModule,
        departments: Mapping[str, RegoModule],
        revision: int,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Push the modules.

        Raises:
            PolicyInvalid: OPA refuses a module, for example an unsafe variable; names file and line.
            EvaluationFailed: the server cannot be reached.
        """
        self._server = server
        self._root = f"exchange.r{revision}_{secrets.token_hex(8)}"
        self._baseline = (baseline,)
        self._departments = {name: (baseline, module) for name, module in departments.items()}
        self._texts = self._modules(baseline, departments)
        self._files = {self._id(CITY): baseline.file}
        self._files |= {self._id(name): module.file for name, module in departments.items()}
        self._monotonic_s = monotonic_s
        self._pushing = threading.Lock()
        self._pushed_s = float("-inf")
        weakref.finalize(self, server.forget, tuple(self._texts))
        self._push()

    def ask(self, department: str, question: Mapping[str, JsonValue]) -> ConditionAnswer:
        """The answer for a dataset of this department; a fault of any kind is `condition-failed`."""
        modules = self._departments.get(department, self._baseline)
        name = department if department in self._departments else CITY
        try:
            path = f"{self._root}.ask.{_name(name)}".replace(".", "/") + "/answer"
            reply = self._server.query(path, question, _STRICT)
            if reply == {}:
                self._push_again()
                return failed("the server does not know the modules; pushing them again")
            return interpret(modules, _values(reply, modules))
        except Exception as error:  # noqa: BLE001 -- whatever went wrong, the gate stays shut
            return failed(error)

    def _modules(self, baseline: RegoModule, departments: Mapping[str, RegoModule]) -> dict[str, str]:
        """Policy id -> text; beside each set of modules one that asks them all at once."""
        texts = {self._id(CITY): _moved(baseline, self._package(CITY))}
        for name, module in departments.items():
            texts[self._id(name)] = _moved(module, self._package(name))
        own = {CITY: {CITY: baseline}} | {
            name: {CITY: baseline, name: module} for name, module in departments.items()
        }
        for name, asked in own.items():
            texts[self._id(name, "ask")] = self._asking(name, asked)
        return texts

    def _asking(self, name: str, asked: Mapping[str, RegoModule]) -> str:
        """A module whose `answer` is, for every module, its rules' values, each in a set: {} is undefined."""
        each = [
            "{"
            + ", ".join(
                f'"{rule}": {{value | value := data.{self._package(owner)}.{rule}}}'
                for rule in sorted(module.defines)
            )
            + "}"
            for owner, module in asked.items()
        ]
        return f"package {self._root}.ask.{_name(name)}\n\nanswer := [{', '.join(each)}]\n"

    def _package(self, name: str) -> str:
        return f"{self._root}.modules.{_name(name)}"

    def _id(self, name: str, kind: str = "modules") -> str:
        return f"{self._root}.{kind}.{_name(name)}".replace(".", "/")

    def _push(self) -> None:
        for id_, text in self._texts.items():
            try:
                self._server.put(id_, text)
            except EvaluationFailed as error:
                if error.file:
                    place = Place(self._files.get(id_, id_), error.line)
                    raise refused(place, f"OPA says: {error}", "mend the rule") from None
                raise
        self._pushed_s = self._monotonic_s()

    def _push_again(self) -> None:
        """One thread pushes, at most once a second; all others deny without waiting."""
        if self._monotonic_s() - self._pushed_s < PUSH_AGAIN_S or not self._pushing.acquire(blocking=False):
            return
        try:
            self._pushed_s = self._monotonic_s()
            self._push()
        finally:
            self._pushing.release()


def _name(name: str) -> str:
    """A department as a Rego name; `-` is no letter of one, and `_` none of a department's."""
    return "d_" + name.replace("-", "_")


def _moved(module: RegoModule, package: str) -> str:
    """The module's text under another package; every other line stays where it is."""
    text, count = _PACKAGE.subn(f"package {package}", module.text, count=1)
    if count != 1:
        raise refused(Place(module.file, 1), "the package stands not on a line of its own", "write it so")
    return text


def _values(reply: Any, modules: Modules) -> list[Values]:
    """The values, if the reply is exactly what was asked for (T34).

    Raises:
        EvaluationFailed: it is anything else.
    """
    if not isinstance(reply, dict) or reply.keys() - {"result", "metrics", "decision_id"}:
        raise EvaluationFailed("the answer is not an answer to a question")
    said = reply.get("result")
    if not isinstance(said, list) or len(said) != len(modules):
        raise EvaluationFailed("the answer does not speak of the modules asked")
    return [_module_values(one, module) for one, module in zip(said, modules, strict=True)]


def _module_values(said: Any, module: RegoModule) -> Values:
    if not isinstance(said, dict) or said.keys() != module.defines:
        raise EvaluationFailed("the answer does not speak of the rules asked")
    values: dict[str, JsonValue] = {}
    for rule, found in said.items():
        if not isinstance(found, list) or len(found) > 1:
            raise EvaluationFailed(f"the answer says of {rule} neither one value nor none")
        if found:
            values[rule] = found[0]
    return values
