"""`dheads compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("piq")

from helpers.command_line import Dheads
from helpers.contracts import assert_valid
from helpers.little_pictures import noisy, save, scene


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for seed in range(2):
        save(tmp_path / "ref" / f"s{seed}.png", scene(seed, 64))
        save(tmp_path / "made" / f"s{seed}.bmp", noisy(scene(seed, 64), seed))
    return tmp_path / "ref", tmp_path / "made"


def test_table_of_one_pair(dheads: Dheads, folders: tuple[Path, Path], tmp_path: Path) -> None:
    file = tmp_path / "maps" / "difference.png"
    result = dheads("compare", folders[0] / "s0.png", folders[1] / "s0.bmp", "--map", file)
    assert (result.code, result.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in result.lines}
    assert 15 < float(rows["PSNR"][1]) < 30
    assert rows["GMSD"][2:] == ["less", "is", "better", "0", "to", "0.35,", "0", "is", "equal", "luma"]
    assert rows["MS-SSIM"][1] == "-"
    assert "note: MS-SSIM needs 161 pixels a side at least, the pictures have 64x64" in result.lines
    with Image.open(file) as picture:
        assert picture.format == "PNG"


def test_folders(dheads: Dheads, folders: tuple[Path, Path], tmp_path: Path) -> None:
    save(folders[1] / "lonely.png", scene(9, 64))
    result = dheads("compare", *folders, "--metrics", "psnr,gmsd", "--map", tmp_path / "maps")
    assert result.code == 1
    assert [line.split()[0] for line in result.lines] == ["picture", "s0.bmp", "s1.bmp", "mean"]
    assert result.lines[0].split() == ["picture", "PSNR", "↑", "GMSD", "↓"]
    first, second, mean = (float(line.split()[1]) for line in result.lines[1:])
    assert mean == pytest.approx((first + second) / 2, abs=1e-4)
    assert "lonely.png: no picture is called lonely in" in result.err
    maps = {path.name for path in (tmp_path / "maps").iterdir()}
    assert maps == {"s0.bmp-difference.png", "s1.bmp-difference.png"}


def test_json(dheads: Dheads, folders: tuple[Path, Path]) -> None:
    save(folders[1] / "s1.bmp", scene(1, 48))
    result = dheads("compare", *folders, "--json", "--metrics", "ssim,psnr,ms_ssim")
    assert (result.code, result.err) == (1, "")
    good, bad = (json.loads(line) for line in result.lines)
    assert_valid("compare", good)
    assert_valid("compare", bad)
    assert set(good) == {"reference", "distorted", "metrics", "missing"}
    assert set(good["metrics"]) == {"ssim", "psnr"}
    assert bad["error"].startswith("the reference has 64x64 pixels and the distorted picture 48x48")


def test_transparent(dheads: Dheads, folders: tuple[Path, Path], tmp_path: Path) -> None:
    clear = Image.fromarray(scene(0, 64)).convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "clear.png")
    white = save(tmp_path / "white.png", scene(0, 64) | 255)
    result = dheads("compare", white, tmp_path / "clear.png", "--metrics", "psnr")
    assert result.error.endswith("clear.png: transparent: what shows through is taken for white")
    assert result.lines[1].split()[1] == "100.0000"


def test_mistakes(dheads: Dheads, folders: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = folders[0] / "s0.png", folders[1] / "s0.bmp"
    (tmp_path / "text.png").write_text("no picture")
    assert dheads("compare", a, b, "--metrics", "lpips").code == 2
    for arguments, why in (
        ((a, tmp_path / "lost.png"), "lost.png: no such file"),
        ((a, tmp_path / "text.png"), "text.png: not an image"),
        ((folders[0], b), "give two files or two folders"),
        ((a, save(tmp_path / "small.png", scene(0, 32))), "64x64 pixels and the distorted picture 32x32"),
        ((a, b, "--metrics", "ms_ssim"), "MS-SSIM needs 161 pixels"),
        ((a, b, "--metrics", "psnr", "--map", b / "map.png"), "choose another --map"),
    ):
        result = dheads("compare", *arguments)
        assert (result.code, result.out) == (1, ""), arguments
        assert why in result.error


def test_without_the_extra(dheads: Dheads, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piq", None)
    result = dheads("compare", folders[0] / "s0.png", folders[1] / "s0.bmp")
    assert result.code == 1
    assert "needs the extra 'train'" in result.error
    assert dheads("compare", folders[0] / "s0.png", folders[1] / "s0.bmp", "--metrics", "psnr,sff").code == 0
