"""Answers that are remembered, bounded by what they weigh and not by how many they are.

Who asks chooses how large a question is: a thousand answers may be a megabyte, or all the memory there is.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

SHARE = 16
"""One answer may take this part of the room; a larger one is worked out each time."""
NODE_BYTES = 64
"""About what a value costs beside its characters."""
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Answers by question, at most so many bytes of them together; safe for many threads.

    Full, it forgets all: what is asked again comes back, and nobody's questions can wear out anybody else's
    by more than their own cost.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._found: dict[K, V] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, question: K) -> V | None:
        """The answer, if it is remembered."""
        return self._found.get(question)

    def put(self, question: K, answer: V, size: int) -> V:
        """The answer itself, remembered unless it is too large.

        Args:
            question: the key.
            answer: its value.
            size: about so many bytes, both together and all that only they hold.
        """
        if size > self._bytes_max // SHARE:
            return answer
        with self._lock:
            if question not in self._found:
                if self._bytes + size > self._bytes_max:
                    self._found, self._bytes = {}, 0
                self._found[question] = answer
                self._bytes += size
        return answer


def bytes_of(value: object) -> int:
    """About how many bytes a value of texts, numbers, lists and objects takes."""
    if isinstance(value, str):
        return NODE_BYTES + 4 * len(value)
    if isinstance(value, dict):
        return NODE_BYTES + sum(bytes_of(name) + bytes_of(inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return NODE_BYTES + sum(map(bytes_of, value))
    return NODE_BYTES
