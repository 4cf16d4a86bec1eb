"""The grants gate: Casbin's matcher and effect, on the only rules that can match.

`casbin.Enforcer.enforce` evaluates the matcher on every rule of the city, 47 ms at 10,000. Here an index
yields the rules that name the dataset or one of its groups together with the subject or one of its roles, and
Casbin's own compiled matcher and effector judge those. A property test holds the answer to the plain one's.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import casbin
from casbin.effect import Effector, get_effector
from casbin.util import SimpleEval

from exchange.policy.engines.protocol import GrantAnswer, GrantQuestion
from exchange.policy.files.grants import Grant, GrantIndex
from exchange.policy.files.hierarchy import Hierarchy

ANSWERS_KEPT_MAX = 4096
_PARSING = threading.Lock()
"""Python 3.11 counts the depth of a tree for all threads together: where two parse at once, one may fail."""
_EFFECTS = {"allow": Effector.ALLOW, "deny": Effector.DENY}


class CasbinGate:
    """Immutable after construction and safe for many threads; a reload builds a new one."""

    def __init__(self, model_text: str, roles: Hierarchy, parts: Mapping[str, GrantIndex]) -> None:
        """Read the model.

        Args:
            model_text: as `model_conf.check_model` returns it.
            roles: who plays which role.
            parts: each department's grants, by department.
        """
        self._model = casbin.Enforcer.new_model(text=model_text)
        self._effector = get_effector(self._model["e"]["e"].value)
        self._request_tokens = self._model["r"]["r"].tokens
        self._rule_tokens = self._model["p"]["p"].tokens
        self._roles = roles
        self._parts = dict(parts)
        self._local = threading.local()
        self._answers: dict[GrantQuestion, GrantAnswer] = {}

    def terms(self, subject: str, department: str) -> tuple[str, ...]:
        """The subject's own terms and every role it inherits."""
        return self._roles.terms(subject, department)

    def ask(self, question: GrantQuestion) -> GrantAnswer:
        """Whether the grants open for this question, and the rules that decided.

        Nothing else than the question and these grants decides, and programs ask the same again and again:
        answers are remembered, a bounded number of them, for as long as the gate lives.
        """
        answer = self._answers.get(question)
        if answer is None:
            answer = self._judge(question)
            if len(self._answers) >= ANSWERS_KEPT_MAX:
                self._answers.clear()
            self._answers[question] = answer
        return answer

    def _judge(self, question: GrantQuestion) -> GrantAnswer:
        part = self._parts.get(question.dataset.partition(".")[0])
        if part is None:
            return GrantAnswer(opened=False)
        matching = [rule for rule in self._candidates(part, question) if self._matches(part, question, rule)]
        if not matching:
            # Casbin itself would judge an empty policy as if it held one rule of empty strings (T24).
            return GrantAnswer(opened=False)
        final = self._effector.final_effect({_EFFECTS[rule.effect] for rule in matching})
        decisive = "allow" if final == Effector.ALLOW else "deny"
        return GrantAnswer(
            final == Effector.ALLOW, tuple(rule for rule in matching if rule.effect == decisive)
        )

    def _candidates(self, part: GrantIndex, question: GrantQuestion) -> list[Grant]:
        terms = self.terms(question.subject, question.department)
        return part.find(part.groups.terms(question.dataset), terms, question.action, question.purpose)

    def _matches(self, part: GrantIndex, question: GrantQuestion, rule: Grant) -> bool:
        names = dict(zip(self._request_tokens, question, strict=True))
        names.update(zip(self._rule_tokens, rule[:-1], strict=True))
        return self._matcher(part).eval(names) is True

    def _matcher(self, part: GrantIndex) -> Any:
        """This thread's compiled matcher; evaluation keeps its names in the object, so it can't be shared."""
        matcher = getattr(self._local, "matcher", None)
        if matcher is None:
            text = self._model["m"]["m"].value.replace("&&", " and ").replace("||", " or ")
            with _PARSING:
                matcher = self._local.matcher = SimpleEval(text, {"g": self._roles.has_link})
        matcher.functions["g2"] = part.groups.has_link
        return matcher
