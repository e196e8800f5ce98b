from __future__ import annotations

import inspect
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from distortion_heads.io.inputs import IMAGE_SUFFIXES, Input, expand_inputs

NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with pictures (empty files: nothing is opened here) and other things in `shots`."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png", "sub/c.tif", "sub/deep/d.webp", ".git/e.png"):
        path = tmp_path / "shots" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.fixture
def locked(folder: Path) -> Iterator[str]:
    """`shots/sub`, unreadable: root, who may read everything, becomes nobody meanwhile.

    The working directory stays in reach of nobody, whatever is above it.
    """
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions here")
    folder.chmod(0o755)
    (folder / "shots/sub").chmod(0)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            try:
                os.seteuid(NOBODY)
            except OSError as error:
                pytest.skip(f"root cannot become nobody here: {error}")
        yield "shots/sub"
    finally:
        if is_root:
            os.seteuid(0)
        (folder / "shots/sub").chmod(0o755)


def expand(*arguments: str, stdin: str | None = None) -> list[Input]:
    return list(expand_inputs(arguments, None if stdin is None else io.StringIO(stdin)))


def paths(*arguments: str, stdin: str | None = None) -> list[str]:
    """The paths as written with slashes; fails if any input has an error."""
    inputs = expand(*arguments, stdin=stdin)
    assert [item for item in inputs if item.error] == []
    return [item.path.replace(os.sep, "/") for item in inputs]


def test_a_file_is_itself_whatever_its_suffix_and_in_the_order_given(folder: Path) -> None:
    given = ["shots/notes.txt", "./shots/b.png", "shots/.hidden.png", "shots/b.png"]
    assert paths(*given) == given


def test_a_folder_is_the_images_below_it_sorted_without_what_is_hidden(folder: Path) -> None:
    assert paths("shots") == ["shots/a.JPG", "shots/b.png", "shots/sub/c.tif", "shots/sub/deep/d.webp"]


@pytest.mark.parametrize("prefix", ["./shots", "shots/", "shots/../shots", ".//shots"])
def test_a_folder_keeps_the_name_that_the_user_wrote(folder: Path, prefix: str) -> None:
    assert paths(prefix)[0] == f"{prefix.rstrip('/')}/a.JPG"
    assert paths(prefix + "/*.png") == [f"{prefix.rstrip('/')}/b.png"]


def test_an_absolute_folder_gives_absolute_paths(folder: Path) -> None:
    assert expand(str(folder / "shots"))[0] == Input(str(folder / "shots" / "a.JPG"))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("shots/*.png", ["shots/b.png"]),
        ("shots/[ab].*", ["shots/a.JPG", "shots/b.png"]),
        ("shots/.*.png", ["shots/.hidden.png"]),
        ("*/sub/?.tif", ["shots/sub/c.tif"]),
        ("*/../shots/b.*", ["shots/../shots/b.png"]),
        ("shots/*/deep/*", ["shots/sub/deep/d.webp"]),
        ("**/*.tif", ["shots/sub/c.tif"]),
        ("**/?.webp", ["shots/sub/deep/d.webp"]),
        ("**/shots/**/d.*", ["shots/sub/deep/d.webp"]),
        ("shots/**/*.[jpJP][pnPN][gG]", ["shots/a.JPG", "shots/b.png"]),
        ("shots/sub/**", ["shots/sub/c.tif", "shots/sub/deep/d.webp"]),
        ("shots/s*", ["shots/sub/c.tif", "shots/sub/deep/d.webp"]),
        ("shots/sub/**/*", ["shots/sub/c.tif", "shots/sub/deep/d.webp"]),
    ],
)
def test_patterns(folder: Path, pattern: str, expected: list[str]) -> None:
    assert paths(pattern) == expected


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "photo[1].png").touch()
    (folder / "photo1.png").touch()
    assert paths("photo[1].png") == ["photo[1].png"]


def test_what_leads_to_no_file_is_an_error_that_stops_nothing(folder: Path) -> None:
    (folder / "empty").mkdir()
    inputs = expand("empty", "missing.png", "*.bmp", "no/**/x.png", "", "a\0b", "shots/b.png/x", "shots/b.png")
    assert [(item.path, item.error) for item in inputs] == [
        ("empty", "no image in this folder"),
        ("missing.png", "no such file or folder"),
        ("*.bmp", "no file matches this pattern"),
        ("no/**/x.png", "no file matches this pattern"),
        ("", "no such file or folder"),
        ("a\0b", "cannot be read: embedded null byte"),
        ("shots/b.png/x", "cannot be read: not a directory"),
        ("shots/b.png", None),
    ]


def test_an_unreadable_folder_is_an_error_beside_the_rest(locked: str) -> None:
    denied = Input(locked, "cannot be read: permission denied")
    assert expand("shots") == [Input("shots/a.JPG"), Input("shots/b.png"), denied]
    assert expand(locked, "shots/b.png") == [denied, Input("shots/b.png")]
    assert expand("shots/**/*.png") == [Input("shots/b.png"), denied]
    assert expand("shots/sub/c.tif") == [Input("shots/sub/c.tif", "cannot be read: permission denied")]


@pytest.mark.parametrize("argument", ["shots", "**/*.png", "shots/**"])
def test_loops_of_links_end(folder: Path, argument: str) -> None:
    for name in ("loop1", "loop2", "sub/loop3"):
        (folder / "shots" / name).symlink_to(folder / "shots", target_is_directory=True)
    found = paths(argument)
    assert "shots/b.png" in found
    assert not any("loop" in path for path in found)


def test_links_to_files_count_and_broken_ones_are_left_for_the_reader_to_report(folder: Path) -> None:
    (folder / "links").mkdir()
    (folder / "links" / "1.png").symlink_to(folder / "shots" / "b.png")
    (folder / "links" / "2.png").symlink_to(folder / "gone.png")
    (folder / "links" / "3.png").symlink_to(folder / "links" / "3.png")
    (folder / "links" / "4.png").symlink_to(folder / "shots", target_is_directory=True)
    assert paths("links") == ["links/1.png", "links/2.png", "links/3.png"]


def test_folders_deeper_than_the_call_stack(folder: Path) -> None:
    expected = "d/" * 300 + "x.png"
    Path(expected).parent.mkdir(parents=True)
    Path(expected).touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    try:
        assert paths("d") == [expected]
        assert paths("d/**/x.png") == [expected]
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    "listing",
    [
        "shots/b.png\n\nshots/sub\n",
        "shots/b.png\r\nshots/sub\r\n",
        "shots/b.png\0shots/sub\0",
        "shots/b.png\nshots/sub",
    ],
)
def test_standard_input_lists_files_and_folders(folder: Path, listing: str) -> None:
    expected = ["shots/a.JPG", "shots/b.png", "shots/sub/c.tif", "shots/sub/deep/d.webp"]
    assert paths("shots/a.JPG", "-", stdin=listing) == expected


def test_names_separated_by_nul_may_hold_line_breaks_and_spaces(folder: Path) -> None:
    names = ["two\nlines.png", " spaces .png"]
    for name in names:
        (folder / name).touch()
    assert paths("-", stdin="\0".join(names)) == names
    assert paths("-", stdin=names[1] + "\n") == names[1:]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_names_that_are_not_utf8_survive_standard_input(folder: Path) -> None:
    name = b"caf\xe9.png"
    Path(os.fsdecode(name)).touch()
    stdin = io.TextIOWrapper(io.BytesIO(name + b"\n"), encoding="utf-8")
    (item,) = expand_inputs(["-"], stdin)
    assert item.error is None
    assert os.fsencode(item.path) == name


def test_an_empty_list_a_used_up_one_and_a_broken_one_are_errors(folder: Path) -> None:
    assert expand("-", stdin="\n") == [Input("-", "standard input lists no path")]
    stdin = io.TextIOWrapper(io.BytesIO(b"shots/b.png\n"))
    assert list(expand_inputs(["-", "-"], stdin))[1] == Input("-", "standard input lists no path")
    stdin.close()
    (item,) = expand_inputs(["-"], stdin)
    assert item.error is not None
    assert "closed file" in item.error


def test_without_stdin_the_process_own_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("shots/b.png"))
    assert paths("-") == ["shots/b.png"]
    monkeypatch.setattr(sys, "stdin", None)
    assert expand("-") == [Input("-", "standard input lists no path")]


def test_a_dash_in_a_list_is_a_path_and_not_the_list_again(folder: Path) -> None:
    assert expand("-", stdin="-\n") == [Input("-", "no such file or folder")]


def test_inputs_come_before_the_next_argument_is_looked_at(folder: Path) -> None:
    inputs = expand_inputs(["shots/b.png", "late.png"])
    assert next(inputs) == Input("shots/b.png")
    Path("late.png").touch()
    assert next(inputs) == Input("late.png")


def test_every_suffix_is_of_a_format_that_pillow_opens() -> None:
    readable = {suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN}
    assert IMAGE_SUFFIXES - {".avif"} <= readable  # AVIF came with Pillow 11.3
    assert {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".jp2", ".ppm"} <= IMAGE_SUFFIXES


def test_importing_it_loads_neither_numpy_nor_pillow() -> None:
    code = "import sys, distortion_heads.io.inputs; print([m for m in ('numpy', 'PIL') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
