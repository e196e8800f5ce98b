"""The house: no circles, few rooms, short files and functions, plain prose."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import REPOSITORY

LIBRARY = REPOSITORY / "distortion_heads"
PRODUCT = ("distortion_heads", "cli", "plugins", "benchmarks")
MOST_PLACES, MOST_SHARE, MOST_LINES, MOST_FUNCTION_LINES = 26, 0.20, 300, 50


def sources(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.py") if ".venv" not in file.parts)


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def module_name(file: Path) -> str:
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path, modules: set[str]) -> Iterator[str]:
    """Return every module of the library that `file` imports, for type checkers and inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inner & modules or {node.module} & modules
        elif isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & modules


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Return a circle of modules that import each other, or an empty list."""
    done: set[str] = set()

    def follow(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for other in sorted(edges[module]):
            if found := follow(other, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(edges) if (found := follow(module, []))), [])


def test_no_import_runs_in_a_circle() -> None:
    files = {module_name(file): file for file in sources(LIBRARY)}
    edges = {name: set(imports(file, set(files))) - {name} for name, file in files.items()}
    assert len(edges) > 150
    assert any(edges.values())
    assert circle(edges) == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_the_first_level_is_read_at_a_glance() -> None:
    places = [place for place in LIBRARY.iterdir() if place.name != "__pycache__"]
    assert len(places) <= MOST_PLACES, sorted(place.name for place in places)


def test_no_room_is_a_house_of_its_own() -> None:
    rooms: dict[str, int] = defaultdict(int)
    for file in sources(LIBRARY):
        rooms[file.relative_to(LIBRARY).parts[0]] += lines(file)
    largest = max(rooms, key=lambda name: rooms[name])
    assert rooms[largest] <= MOST_SHARE * sum(rooms.values()), (largest, rooms[largest], sum(rooms.values()))


@pytest.mark.parametrize("room", PRODUCT)
def test_files_are_short(room: str) -> None:
    assert {str(file): lines(file) for file in sources(REPOSITORY / room) if lines(file) > MOST_LINES} == {}


def is_click(function: ast.FunctionDef) -> bool:
    return any(
        "click." in ast.unparse(decorator) or "option" in ast.unparse(decorator)
        for decorator in function.decorator_list
    )


@pytest.mark.parametrize("room", PRODUCT)
def test_functions_fit_on_a_screen(room: str) -> None:
    """The signatures of click commands are as long as their options are many."""
    long = {}
    for file in sources(REPOSITORY / room):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not is_click(node):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    long[f"{file}:{node.name}"] = length
    assert long == {}


def test_every_init_holds_a_docstring_alone() -> None:
    """But for the public names: those of the library, and `build_registry` and `Registry`."""
    for file in sources(LIBRARY):
        if file.name == "__init__.py" and file.parent not in (LIBRARY, LIBRARY / "registry"):
            (only,) = ast.parse(file.read_text(encoding="utf-8")).body
            assert isinstance(only, ast.Expr), file


def test_the_prose_is_plain() -> None:
    namespace: dict[str, object] = {"__name__": "prose"}
    exec(compile((REPOSITORY / "scripts" / "prose").read_text(encoding="utf-8"), "prose", "exec"), namespace)
    complaints = namespace["complaints"]
    assert callable(complaints)
    assert complaints(REPOSITORY) == []


def test_no_tests_share_a_generator() -> None:
    """What a test draws would depend on those that were run before it."""
    for file in sources(REPOSITORY / "tests"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                assert ast.unparse(node.value.func).rpartition(".")[2] not in {"default_rng", "Random"}, file
