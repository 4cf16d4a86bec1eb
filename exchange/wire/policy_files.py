"""Policy files in messages: deflated where that is shorter, and never more than a message may unfold to.

A department with 100,000 grants has a file of ten megabytes, more than the broker takes in one message; its
lines are so much alike that a tenth of that is sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from exchange.errors import RequestInvalid
from exchange.v1 import policy_pb2

FILES_BYTES_MAX = 64 << 20
"""All files of one message together, unfolded."""
_PLAIN_BYTES_MAX = 1 << 10
_LEVEL = 6


def files_to_wire(files: Mapping[str, bytes]) -> list[policy_pb2.PolicyFile]:
    """The files in path order."""
    return [_to_wire(path, files[path]) for path in sorted(files)]


def files_from_wire(messages: Iterable[policy_pb2.PolicyFile]) -> dict[str, bytes]:
    """The files by path.

    Raises:
        RequestInvalid: a path twice, a file that is told twice or does not unfold, or all are too large.
    """
    found: dict[str, bytes] = {}
    left = FILES_BYTES_MAX
    for message in messages:
        if message.path in found:
            raise RequestInvalid("a file is published twice")
        content = _content(message, left)
        left -= len(content)
        found[message.path] = content
    return found


def _to_wire(path: str, content: bytes) -> policy_pb2.PolicyFile:
    if len(content) > _PLAIN_BYTES_MAX:
        deflated = zlib.compress(content, _LEVEL)
        if len(deflated) < len(content):
            return policy_pb2.PolicyFile(path=path, deflated=deflated)
    return policy_pb2.PolicyFile(path=path, content=content)


def _content(message: policy_pb2.PolicyFile, bytes_max: int) -> bytes:
    if message.deflated and message.content:
        raise RequestInvalid("a policy file is either content or deflated, not both")
    content = _inflated(message.deflated, bytes_max) if message.deflated else message.content
    if len(content) > bytes_max:
        raise RequestInvalid(
            f"the policy files are larger than {FILES_BYTES_MAX >> 20} MB together",
            hint="grant to roles, departments and groups of datasets instead of one by one",
        )
    return content


def _inflated(deflated: bytes, bytes_max: int) -> bytes:
    """At most one byte more than allowed, however much it would become (T65)."""
    unfolding = zlib.decompressobj()
    try:
        content = unfolding.decompress(deflated, bytes_max + 1)
    except zlib.error:
        raise RequestInvalid("a policy file does not unfold") from None
    whole = unfolding.eof and not unfolding.unused_data
    if len(content) <= bytes_max and not whole:
        raise RequestInvalid("a policy file does not unfold")
    return content
