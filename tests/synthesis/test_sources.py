from __future__ import annotations

from pathlib import Path

import pytest

from distortion_heads.errors import DataError
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.sources import Source, Sources, Unreadable
from helpers.synth_runs import finish, make_run, manifest, save_photo


def names(sources: Sources) -> list[str]:
    return [item.name for item in sources if isinstance(item, Source)]


def test_output_below_input_is_not_read(bank: dict[str, HeadSpec], photos: Path) -> None:
    for _ in range(2):
        finish(make_run(bank, photos, photos / "out", "jpeg"))
        assert len(manifest(photos / "out")) == 6


def test_output_below_input_is_not_read_through_a_link(photos: Path, tmp_path: Path) -> None:
    save_photo(photos / "out/x.png")
    (tmp_path / "link").symlink_to(photos)
    assert names(Sources((str(tmp_path / "link"),), photos / "out")) == ["b.png", "deep/a.jpg"]


@pytest.mark.parametrize("argument", [".", "deep", "b.png", "deep/*.jpg"])
def test_input_in_the_output_folder_is_refused(photos: Path, argument: str) -> None:
    with pytest.raises(DataError, match="lies in the output folder"):
        Sources((str(photos / argument),), photos)


def test_names_of_several_arguments_never_meet(tmp_path: Path) -> None:
    for name in ("x/a.png", "x/a.jpg", "y/a.png"):
        save_photo(tmp_path / name)
    arguments = (str(tmp_path / "x"), str(tmp_path / "y/a.png"), str(tmp_path / "*/a.jpg"))
    assert names(Sources(arguments, tmp_path / "out")) == ["x/a.jpg", "x/a.png", "y/a.png"]


def test_what_leads_to_no_picture_is_told(tmp_path: Path) -> None:
    (item,) = Sources((str(tmp_path / "absent.png"),), tmp_path / "out")
    assert isinstance(item, Unreadable)
