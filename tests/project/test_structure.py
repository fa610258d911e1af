"""Folders of the package: one face each, imports in one direction, unique names."""

import ast
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bayeslaw"


def dotted(path: Path) -> str:
    """`bayeslaw.laws.law` of bayeslaw/laws/law.py, `bayeslaw.laws` of the folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in PACKAGE.rglob("*.py")}
FOLDERS = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def face(folder: str) -> dict[str, str]:
    """Public names of a folder -> the module that defines each."""
    stub = MODULES[folder].with_suffix(".pyi")
    if not stub.exists():
        return {}
    return {
        name.name: f"{folder}.{node.module}"
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


FACES = {folder: face(folder) for folder in FOLDERS}


def folder_of(module: str) -> str:
    return module if module in FOLDERS else module.rpartition(".")[0]


def imports(module: str) -> Iterator[tuple[str, str]]:
    """What a module imports from the package: (module or folder, name)."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield from ((node.module, name.name) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names if name.name in MODULES)


def are_kin(one: str, other: str) -> bool:
    """Whether two folders are the same, or one lies in the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def is_through_a_face(module: str, target: str, name: str) -> bool:
    """Whether an import names a folder, and of it a public name or a subfolder."""
    folder = folder_of(module)
    if target == "bayeslaw.errors" or are_kin(folder, folder_of(target)) > (
        target == "bayeslaw"
    ):
        return True
    if target not in FOLDERS:
        return False
    return not name or name in FACES[target] or f"{target}.{name}" in FOLDERS


def defined_in(target: str, name: str) -> str:
    """The module behind an import, however many faces it goes through."""
    if f"{target}.{name}" in MODULES:
        target, name = f"{target}.{name}", ""
    while name in FACES.get(target, {}):
        target = FACES[target][name]
    return target


def edges() -> dict[str, set[str]]:
    """Module -> the modules that it imports, faces seen through."""
    found = defaultdict(set)
    for module in MODULES.keys() - FOLDERS:
        for target, name in imports(module):
            found[module].add(defined_in(target, name))
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of a graph, empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_only_the_errors_lie_beside_the_folders():
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert files == {"__init__.py", "__init__.pyi", "errors.py", "py.typed"}


def test_the_import_contract_has_at_most_ten_layers():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    (contract,) = settings["importlinter"]["contracts"]
    assert len(contract["layers"]) <= 10


def test_file_names_are_unique():
    counts = Counter(module.rpartition(".")[2] for module in MODULES.keys() - FOLDERS)
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_no_public_name_is_that_of_a_file_beside_it(folder):
    # Once the file is imported, the folder's attribute of this name is the module.
    assert [name for name in FACES[folder] if f"{folder}.{name}" in MODULES] == []


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_other_folders_are_imported_through_their_faces(folder):
    past = [
        f"{module}: from {target} import {name}"
        for module in MODULES
        if folder_of(module) == folder
        for target, name in imports(module)
        if not is_through_a_face(module, target, name)
    ]
    assert past == []


def test_modules_import_in_no_circle():
    assert circle(edges()) == []


def test_folders_import_in_no_circle():
    graph = defaultdict(set)
    for module, targets in edges().items():
        for target in targets:
            one, other = folder_of(module), folder_of(target)
            if not are_kin(one, other):
                graph[one].add(other)
    assert circle(graph) == []
