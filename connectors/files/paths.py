"""Which files a table is: below the root, one format, none forgotten."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from connectors.files.options import SUFFIXES, Format, TableOptions
from exchange.errors import ConfigError

_GLOB = frozenset("*?[")


def files_of(root: Path, options: TableOptions) -> tuple[list[Path], Format]:
    """The real paths of a table's files, in order of their names, and their format.

    Args:
        root: real path of the source's folder.
        options: the table's.

    Raises:
        ConfigError: outside the root, missing, a folder that is empty or holds other things, unknown format.
    """
    found = _inside(root, options.path)
    if not found.is_dir():
        return [found], options.format or _format(found)
    entries = [entry for entry in sorted(found.iterdir()) if not entry.name.startswith((".", "_"))]
    formats = {options.format or _format(entry) for entry in entries}
    if len(formats) != 1:
        # Leaving some files out in silence would deliver a short result that looks whole.
        raise ConfigError(
            f"folder {options.path!r} must hold files of one format, and at least one",
            hint="move other files away, or begin their names with a dot",
        )
    files = [_inside(root, str(entry.relative_to(root))) for entry in entries]
    for file in files:
        if not file.is_file():
            raise ConfigError(f"folder {options.path!r} holds {file.name!r}, which is not a file")
    return files, formats.pop()


def _inside(root: Path, path: str) -> Path:
    """The real path, if it is below the root also after following symbolic links."""
    parts = PurePosixPath(path).parts
    if not path or "\0" in path or path.startswith("/") or ".." in parts:
        raise ConfigError(f"{path!r} is not a path below the source's root")
    try:
        real = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):
        raise ConfigError(f"there is no file or folder {path!r} below {root}") from None
    if not real.is_relative_to(root):
        raise ConfigError(f"{path!r} leads out of the source's root {root}")
    if _GLOB & set(str(real)):
        raise ConfigError(f"{path!r}: a path with * ? or [ cannot be served", hint="rename the file")
    return real


def _format(path: Path) -> Format:
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise ConfigError(
            f"the format of {path.name!r} is unknown",
            hint=f"name the file *{', *'.join(SUFFIXES)}, or set `format` in [source.tables.<name>]",
        )
    return found
