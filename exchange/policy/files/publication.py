"""What a steward's machine does before it publishes: check everything, hand over one department's files."""

from __future__ import annotations

from pathlib import Path

from exchange.errors import PolicyInvalid
from exchange.policy.bundle import load
from exchange.policy.engines.stewards import STEWARDS
from exchange.policy.files import tree

_CHECK_REVISION = 1


def publish_files(folder: Path, department: str) -> dict[str, bytes]:
    """A department's or the city's own files (`tree.own_part`), once the whole city was found sound.

    Raises:
        PolicyInvalid: the first fault anywhere in the folder, or the department has no files there.
    """
    files = tree.read_tree(folder)
    load(files, _CHECK_REVISION, engine=STEWARDS)
    own = tree.own_part(files, department)
    if not own:
        raise PolicyInvalid(
            f"{folder} holds no files of department {department!r}",
            hint=f"they lie in {tree.DEPARTMENTS}/{department}/",
        )
    return own
