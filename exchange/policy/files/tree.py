"""Policy files as a value: path -> content, its digest, and the swap of one department's part."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from exchange.errors import PolicyInvalid
from exchange.model.subject import CITY, is_department
from exchange.policy.files.faults import Place, refused

PolicyTree = Mapping[str, bytes]
FILES_MAX = 4096
FILE_BYTES_MAX = 256 << 20
DEPARTMENTS = "departments"
DEPARTMENT_FILES = frozenset(
    {"datasets.toml", "grants.csv", "obligations.toml", "conditions.rego", "README.md"}
)
CITY_FILES = frozenset(
    {
        "city.toml",
        "model.conf",
        "README.md",
        "baseline/roles.csv",
        "baseline/obligations.toml",
        "baseline/conditions.rego",
    }
)


_ROOTS = ("city.toml", "model.conf", "baseline/", f"{DEPARTMENTS}/")


def read_tree(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, hidden ones excepted.

    Raises:
        PolicyInvalid: there is no such folder, a link points out of it, or it is beyond all measure.
    """
    if not folder.is_dir():
        raise PolicyInvalid(f"{folder} is not a folder", hint="name the folder that holds city.toml")
    tree: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or path.is_dir():
            continue
        if path.is_symlink() or not path.is_file():
            raise PolicyInvalid(
                f"{relative} is not a plain file", hint="put the file itself there, not a link"
            )
        if len(tree) >= FILES_MAX or path.stat().st_size > FILE_BYTES_MAX:
            raise PolicyInvalid(f"{relative}: too many or too large policy files", hint="is this the folder?")
        tree[relative.as_posix()] = path.read_bytes()
    if tree and not any(path.startswith(_ROOTS) for path in tree):
        raise PolicyInvalid(f"{folder} holds no city's policies", hint=_meant(folder))
    return tree


def _meant(folder: Path) -> str:
    above = next((one for one in folder.resolve().parents if (one / "city.toml").is_file()), None)
    return "name the folder that holds city.toml" + (f": {above}" if above else "")


def digest(tree: PolicyTree) -> str:
    """SHA-256 (hex) over paths and contents in path order, each preceded by its length in bytes."""
    state = hashlib.sha256()
    for path in sorted(tree):
        for part in (path.encode(), tree[path]):
            state.update(len(part).to_bytes(8, "big"))
            state.update(part)
    return state.hexdigest()


def part(tree: PolicyTree, department: str) -> dict[str, bytes]:
    """A department's own files, by path below its folder."""
    prefix = f"{DEPARTMENTS}/{department}/"
    return {path.removeprefix(prefix): tree[path] for path in tree if path.startswith(prefix)}


def is_own(path: str, department: str) -> bool:
    """Whether the file is the department's; the city's are all that lie beside the departments."""
    if department == CITY:
        return not path.startswith(f"{DEPARTMENTS}/")
    return path.startswith(f"{DEPARTMENTS}/{department}/")


def own_part(tree: PolicyTree, department: str) -> dict[str, bytes]:
    """What a department's stewards publish: its folder; for `city` all that lies beside the departments."""
    if department != CITY:
        return part(tree, department)
    return {path: content for path, content in tree.items() if not path.startswith(f"{DEPARTMENTS}/")}


def replace_own(tree: PolicyTree, department: str, files: PolicyTree) -> PolicyTree:
    """The tree with what `own_part` names replaced by these files.

    Raises:
        PolicyInvalid: a department or path that is none; nothing outside that part can be named (T28, T39).
    """
    if department != CITY:
        return replace_department(tree, department, files)
    for path in sorted(files):
        if path not in CITY_FILES and not _is_case(path):
            raise PolicyInvalid(
                f"{path}:1: the city's part has no file of this name",
                hint=f"its files are {', '.join(sorted(CITY_FILES))}",
            )
    kept = {path: content for path, content in tree.items() if path.startswith(f"{DEPARTMENTS}/")}
    return kept | dict(files)


def departments(tree: PolicyTree) -> tuple[str, ...]:
    """The departments that have a folder, sorted."""
    prefix = f"{DEPARTMENTS}/"
    return tuple(sorted({path.split("/")[1] for path in tree if path.startswith(prefix)}))


def replace_department(tree: PolicyTree, department: str, files: PolicyTree) -> PolicyTree:
    """The tree with a department's folder replaced by these files (paths below that folder).

    Raises:
        PolicyInvalid: a department or path that is none; nothing outside the folder can be named (T28, T39).
    """
    if not is_department(department):
        raise PolicyInvalid(f"{department!r} cannot name a department", hint="use its code, for example port")
    for path in files:
        check_department_path(department, path)
    prefix = f"{DEPARTMENTS}/{department}/"
    kept = {path: content for path, content in tree.items() if not path.startswith(prefix)}
    return kept | {prefix + path: files[path] for path in sorted(files)}


def check_paths(tree: PolicyTree) -> None:
    """Refuse a file that nothing would read: a misspelt name must not silently lose its rules.

    Raises:
        PolicyInvalid: names the file.
    """
    for path in sorted(tree):
        check_path(path)


def check_path(path: str) -> None:
    """Refuse one path that is no policy file's.

    Raises:
        PolicyInvalid: names the file.
    """
    top, _, rest = path.partition("/")
    if top == DEPARTMENTS and "/" in rest:
        check_department_path(*rest.split("/", 1))
    elif path not in CITY_FILES and not _is_case(path):
        raise refused(Place(path, 1), "no policy file has this name", _named(path, CITY_FILES))


def check_department_path(department: str, path: str) -> None:
    """Refuse a path that is not one of a department's files.

    Raises:
        PolicyInvalid: names the file.
    """
    if path in DEPARTMENT_FILES or _is_case(path):
        return
    raise refused(
        Place(f"{DEPARTMENTS}/{department}/{path}", 1),
        "a department has no file of this name",
        f"its files are {', '.join(sorted(DEPARTMENT_FILES))} and cases/*.yaml",
    )


def _named(path: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(path, known, n=1)
    return f"did you mean {near[0]}?" if near else "mend its name or remove it"


def _is_case(path: str) -> bool:
    plain = path == PurePosixPath(path).as_posix() and ".." not in path and "\\" not in path
    return plain and path.startswith("cases/") and path.endswith(".yaml")
