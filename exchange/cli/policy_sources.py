"""Where old policies and past decisions come from: folders and copies of the log, or the broker."""

from __future__ import annotations

from pathlib import Path

from exchange.audit.records.entry import Entry
from exchange.audit.storage.tail import entries
from exchange.cli.policy_options import city
from exchange.errors import ConfigError
from exchange.policy.bundle import Bundle, load
from exchange.policy.engines.stewards import STEWARDS
from exchange.policy.files.tree import DEPARTMENTS, PolicyTree, read_tree

City = tuple[PolicyTree, Bundle]


def decision(access: str, audit: Path | None, config: Path | None) -> tuple[Entry, Entry | None]:
    """The record of a decision, from a copy of the log or, for a steward, from the broker.

    With a copy also the record by which the policy of the decision's revision came into force, if it has one.

    Raises:
        ConfigError: there is no such decision, or nowhere to look for it.
        ExchangeError: what the broker answered, typed.
    """
    if audit is not None:
        return _in_copy(access, audit)
    if config is None:
        raise ConfigError(
            "a past decision needs its record", hint="give --audit DIR, or --config steward.toml"
        )
    from exchange.client.looking import decision_of  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.settings import ClientSettings  # noqa: PLC0415
    from exchange.config import load as settings  # noqa: PLC0415

    return Entry.parse(decision_of(settings(config, ClientSettings), access)), None


def _in_copy(access: str, audit: Path) -> tuple[Entry, Entry | None]:
    """One pass over the files: a publication is on record before any decision that stands on it."""
    published: dict[object, Entry] = {}
    for entry in entries(audit):
        fields = entry.fields
        if entry.kind == "publication" and fields.get("outcome") == "published":
            published[fields.get("revision")] = entry
        elif entry.kind == "decision" and fields.get("id") == access:
            return entry, published.get(fields.get("revision"))
    raise ConfigError(f"no decision {access} in {audit}", hint="`exchange audit list DIR` shows some")


def revision(number: int, revisions: Path | None, config: Path | None) -> City:
    """The policy of a revision, from a folder of folders or, for a steward, from the broker.

    Raises:
        ConfigError: nowhere to look for it.
        PolicyInvalid: it does not load today.
        ExchangeError: what the broker answered, typed.
    """
    if revisions is not None:
        files = read_tree(revisions / str(number))
        return files, load(files, number, engine=STEWARDS)
    if config is None:
        raise ConfigError(
            f"revision {number} is not here", hint="give --revisions DIR, or --config steward.toml"
        )
    _, files = _from_broker(number, config)
    return files, load(files, number, engine=STEWARDS)


def check_published(bundle: Bundle, published: Entry | None, audit: Path | None) -> None:
    """Nothing, if the policy is the one that the log says was published under its revision.

    Args:
        bundle: made of the files at hand.
        published: the publication's record; None where there is none to compare with.
        audit: the copy of the log it is from.

    Raises:
        ConfigError: it is another one, so what it explains is not what was decided.
    """
    if published is not None and published.fields.get("bundle") != bundle.digest:
        raise ConfigError(
            f"these files are not revision {bundle.revision}: the log says that others were published",
            hint=f"compare them with record {published.index}: exchange audit show {audit} {published.index}",
        )


def pair(old: str, new: str, config: Path | None) -> tuple[City, City]:
    """Two policies to compare, each a folder or the number of a revision.

    Of a revision the broker shows a steward the city's and his own department's files. A folder is then cut
    down to the same, or everything of the others would look like gained or lost.
    """
    numbers = [
        text if text.isascii() and text.isdigit() and not Path(text).exists() else "" for text in (old, new)
    ]
    if not any(numbers):
        return city(Path(old)), city(Path(new))
    if config is None:
        raise ConfigError("a revision is asked of the broker", hint="give --config steward.toml")
    fetched = [_from_broker(int(number), config) if number else None for number in numbers]
    department = next(one[0] for one in fetched if one is not None)
    trees = [
        one[1] if one is not None else _own(read_tree(Path(text)), department)
        for one, text in zip(fetched, (old, new), strict=True)
    ]
    first, second = (
        (tree, load(tree, int(number or 1), engine=STEWARDS))
        for tree, number in zip(trees, numbers, strict=True)
    )
    return first, second


def _own(files: PolicyTree, department: str) -> dict[str, bytes]:
    own = f"{DEPARTMENTS}/{department}/"
    return {
        path: content
        for path, content in files.items()
        if path.startswith(own) or not path.startswith(f"{DEPARTMENTS}/")
    }


def _from_broker(number: int, config: Path) -> tuple[str, dict[str, bytes]]:
    from exchange.client.looking import bundle_of  # noqa: PLC0415 - a command loads what it uses
    from exchange.client.settings import ClientSettings  # noqa: PLC0415
    from exchange.config import load as settings  # noqa: PLC0415

    return bundle_of(settings(config, ClientSettings), number)
