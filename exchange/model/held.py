"""Objects as a key that tells them apart by identity: for what is never changed, only replaced by others."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Generic, TypeVarTuple

Objects = TypeVarTuple("Objects")


class Held(Generic[*Objects]):
    """Equal only to another one of the very same objects, which costs nothing and cannot err.

    The objects are held, so no number that `id` gave for them can come to mean another object. For frozen
    values that are long to compare and are handed on rather than made anew: a registered dataset, a bundle's
    parts, obligations.
    """

    __slots__ = ("_hash", "objects")

    def __init__(self, *objects: *Objects) -> None:
        self.objects = objects
        self._hash = hash(tuple(map(id, objects)))

    def __eq__(self, other: object) -> bool:
        """Whether all are the same objects."""
        return isinstance(other, Held) and _same(self.objects, other.objects)

    def __hash__(self) -> int:
        """By identity."""
        return self._hash


def _same(some: Sequence[object], others: Sequence[object]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
