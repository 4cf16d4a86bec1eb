"""Offline proofs of one record in the form that stock tools read (c2sp.org/tlog-proof@v1)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from exchange.audit.proofs.merkle import HASH_BYTES
from exchange.errors import LogCorrupt

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True)
class TlogProof:
    """One record's place in the tree.

    Attributes:
        index: of the record.
        path: audit path, from the leaf's sibling up.
        checkpoint: signed note.
        extra: opaque and authenticated by nothing.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The text of the proof."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(step).decode() for step in self.path]
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """The proof in a text; nothing of it is verified.

        Raises:
            LogCorrupt: it is not of that form.
        """
        head, blank, checkpoint = data.partition(b"\n\n")
        try:
            header, *lines = head.decode().split("\n")
            extra = _decoded(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else None
            index = _INDEX.fullmatch(lines.pop(0))
            path = tuple(_decoded(line) for line in lines)
        except (ValueError, IndexError, binascii.Error):
            raise LogCorrupt("this is not a proof of the form tlog-proof") from None
        if header != HEADER or not blank or index is None or any(len(step) != HASH_BYTES for step in path):
            raise LogCorrupt("this is not a proof of the form tlog-proof")
        return cls(int(index[1]), path, checkpoint, extra)


def _decoded(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError(text)
    return data
