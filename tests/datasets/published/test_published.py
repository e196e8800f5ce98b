"""Every dataset's layout in miniature -> records."""

from __future__ import annotations

import json
import math
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from distortion_heads.datasets.load import KINDS, load_corpus
from distortion_heads.datasets.published import csiq, kadid, tid, xlsx
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError, MissingExtraError
from distortion_heads.spec import check_label
from helpers import corpora_layouts as layouts


def by_name(corpus: Corpus) -> dict[str, Record]:
    return {record.path.name: record for record in corpus.records}


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "kadid10k": layouts.kadid,
    "tid2013": layouts.tid,
    "csiq": layouts.csiq,
    "live": layouts.live,
    "livemd": layouts.livemd,
    "lvq": layouts.lvq,
}


@pytest.mark.parametrize("kind", BUILDERS)
def test_kind_is_found_out_and_records_hold_together(kind: str, tmp_path: Path) -> None:
    folder = BUILDERS[kind](tmp_path / "data")
    found = load_corpus(folder)
    assert found == load_corpus(folder, kind)
    assert found.name == kind
    paths = [record.path for record in found.records]
    assert paths == sorted(set(paths))
    assert {label for record in found.records for label in record.severities} == set(found.labels)
    clean = {record.path: record for record in found.records if record.clean}
    assert clean
    for record in found.records:
        assert record.path.is_file()
        assert record.scene
        for label, severity in record.severities.items():
            assert check_label(label) == label
            assert math.isnan(severity) or 1 <= severity <= 5
        if record.reference is not None:
            assert clean[record.reference].scene == record.scene


@pytest.mark.parametrize("kind", BUILDERS)
def test_all_datasets_keep_their_pictures(kind: str, tmp_path: Path) -> None:
    """No picture is lost, apart from KADID-10k's contrast level 3."""
    folder = BUILDERS[kind](tmp_path / "data")
    suffixes = (".png", ".bmp", ".avi", ".mp4")
    files = {path for path in folder.rglob("*") if path.suffix.lower() in suffixes}
    left = files - {record.path for record in load_corpus(folder).records}
    assert {path.name for path in left} == ({"I01_25_03.png"} if kind == "kadid10k" else set())


def test_kadid_labels_what_changed(tmp_path: Path) -> None:
    found = load_corpus(layouts.kadid(tmp_path, scenes=2))
    assert found.labels == kadid.TYPES
    records = by_name(found)
    assert records["I01_02_04.png"].severities == {"lens_blur": 4.0}
    assert records["I02_02_04.png"].scene == "I02"
    assert (records["I01_02_04.png"].level, records["I01_02_04.png"].mos) == (4, pytest.approx(2.2))
    assert records["I01_02_04.png"].reference == tmp_path / "images" / "I01.png"
    for identity in ("I01_01_01.png", "I01_03_01.png", "I01_08_01.png", "I01_18_03.png"):
        assert records[identity].clean
        assert records[identity].kind
    assert "I01_25_03.png" not in records
    shifts = [records[f"I01_18_0{level}.png"].severities["mean_shift"] for level in (1, 2, 4, 5)]
    assert shifts == [4.0, 2.0, 2.0, 4.0]
    fading = [records[f"I01_07_0{level}.png"].severities["color_saturation_hsv"] for level in range(1, 6)]
    assert fading == pytest.approx([1.0, 2.0, 3.0, 5.0, np.nan], nan_ok=True)
    assert sum("mean_shift" in note for note in found.notes) >= 1


def test_kadid_at_top_level_without_scores(tmp_path: Path) -> None:
    layouts.kadid(tmp_path, folder=".", types=[10])
    rows = [line.rsplit(",", 2)[0] for line in (tmp_path / "dmos.csv").read_text().split()]
    (tmp_path / "dmos.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    found = load_corpus(tmp_path)
    assert found.labels == ("jpeg",)
    assert all(record.mos is None for record in found.records)
    assert any("no opinion scores" in note for note in found.notes)


@pytest.mark.parametrize(
    ("kind", "lost", "named"),
    [
        ("kadid10k", "dmos.csv", "dmos.csv"),
        ("kadid10k", "images/I01_07_02.png", "I01_07_02.png"),
        ("kadid10k", "images/I01.png", "I01.png"),
        ("tid2013", "mos_with_names.txt", "mos_with_names.txt"),
        ("tid2013", "distorted_images/i25_03_2.bmp", "i25_03_2.bmp"),
        ("tid2013", "reference_images/i25.bmp", "I25.BMP"),
        ("csiq", "src_imgs/1600.png", "src_imgs/1600.png"),
        ("live", "gblur/info.txt", "gblur/info.txt"),
        ("live", "jp2k/img2.bmp", "jp2k/img2.bmp"),
        ("live", "refimgs/bikes.bmp", "refimgs/bikes.bmp"),
    ],
)
def test_missing_file_is_named(kind: str, lost: str, named: str, tmp_path: Path) -> None:
    folder = BUILDERS[kind](tmp_path)
    (folder / lost).unlink()
    with pytest.raises(DataError, match=r"expected.*" + named.replace(".", r"\.")):
        load_corpus(folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    layouts.csiq(tmp_path)
    for path in (tmp_path / "dst_imgs" / "fnoise").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="expected pictures in dst_imgs/fnoise/"):
        load_corpus(tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "csv"])
def test_empty_folder_is_no_dataset(kind: str, tmp_path: Path) -> None:
    for chosen in (None, kind):
        with pytest.raises(DataError, match=r"expected|known"):
            load_corpus(tmp_path, chosen)


def test_wrong_kind_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="choose one of kadid10k"):
        load_corpus(tmp_path, "imagenet")
    with pytest.raises(DataError, match="no such folder"):
        load_corpus(tmp_path / "nothing")
    with pytest.raises(DataError, match="is a folder"):
        load_corpus(tmp_path, "csv")


def test_two_datasets_in_one_folder(tmp_path: Path) -> None:
    layouts.kadid(tmp_path, types=[1])
    layouts.csiq(tmp_path)
    with pytest.raises(DataError, match="kadid10k or csiq"):
        load_corpus(tmp_path)
    assert load_corpus(tmp_path, "kadid10k").labels == ("gaussian_blur",)


def test_tid_mixes_upper_and_lower_case(tmp_path: Path) -> None:
    found = load_corpus(layouts.tid(tmp_path))
    assert found.labels == tid.TYPES
    assert {record.scene for record in found.records} == {"I01", "I25"}
    records = by_name(found)
    assert records["I25_24_5.BMP"].severities == {"sparse_sampling": 5.0}
    assert records["i25_08_3.bmp"].mos == pytest.approx(4.5)
    assert records["i25_08_3.bmp"].reference == tmp_path / "reference_images" / "i25.bmp"
    assert math.isnan(records["I01_16_1.bmp"].severities["mean_shift"])


def test_csiq_scores_from_the_owners_workbook(tmp_path: Path) -> None:
    layouts.csiq(tmp_path)
    rows: list[list[str | float | None]] = [
        [None, "CSIQ"],
        [None, "image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"],
    ]
    for scene in (1600, "aerial_city"):
        for index, kind in enumerate(("noise", "jpeg", "jpeg 2000", "fnoise", "blur", "contrast"), 1):
            rows += [[None, scene, index, kind, level, 0.1, level / 10 + index] for level in range(1, 6)]
    layouts.workbook(tmp_path / "csiq.DMOS.xlsx", [[["a sheet of another kind"]], rows])
    records = by_name(load_corpus(tmp_path))
    assert records["1600.AWGN.2.png"].mos == pytest.approx(1.2)
    assert records["aerial_city.jpeg2000.5.png"].mos == pytest.approx(3.5)
    assert records["1600.contrast.1.png"].severities == {"contrast_change": 1.0}
    assert Counter(label for record in records.values() for label in record.labels)["pink_noise"] == 10


def test_csiq_scores_from_csv_or_none(tmp_path: Path) -> None:
    layouts.csiq(tmp_path)
    found = load_corpus(tmp_path)
    assert found.labels == tuple(csiq.TYPES.values())
    assert all(record.mos is None for record in found.records)
    assert any("csiq.DMOS.xlsx" in note for note in found.notes)
    layouts.text(tmp_path / "csiq.DMOS.csv", ["image,dst_type,dst_lev,dmos", "1600,blur,3,0.25"])
    assert by_name(load_corpus(tmp_path))["1600.BLUR.3.png"].mos == 0.25


def test_damaged_workbook(tmp_path: Path) -> None:
    layouts.csiq(tmp_path)
    (tmp_path / "csiq.DMOS.xlsx").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="export it as CSV"):
        load_corpus(tmp_path)
    layouts.workbook(tmp_path / "csiq.DMOS.xlsx", [[["image", "other"], ["1600", 3]]])
    with pytest.raises(DataError, match="no sheet has the columns"):
        load_corpus(tmp_path)


def test_workbook_without_openpyxl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layouts.csiq(tmp_path)
    layouts.workbook(tmp_path / "csiq.DMOS.xlsx", [[["image"]]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"reading csiq\.DMOS\.xlsx needs the extra 'train'"):
        load_corpus(tmp_path)


def with_part(file: Path, name: str, data: bytes) -> None:
    """Replace a part of a workbook."""
    with zipfile.ZipFile(file) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in {**parts, name: data}.items():
            archive.writestr(part, content)


SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ENTITIES = '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b" " * (xlsx.MAX_PART_BYTES + 1), r"sheet1\.xml is larger than 32 MiB"),
        (f'{ENTITIES}<worksheet xmlns="{MAIN}"/>'.encode(), r"sheet1\.xml declares a document type"),
        (
            f'<worksheet xmlns="{MAIN}"><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
            "</worksheet>".encode(),
            "more than 100000 rows",
        ),
        (b"<worksheet>", "no Excel workbook that can be read .*export it as CSV"),
    ],
    ids=["large", "entities", "far away", "cut"],
)
def test_hostile_workbooks(part: bytes, message: str, tmp_path: Path) -> None:
    layouts.csiq(tmp_path)
    file = layouts.workbook(tmp_path / "csiq.DMOS.xlsx", [[["image"]]])
    with_part(file, SHEET, part)
    with pytest.raises(DataError, match=message) as caught:
        load_corpus(tmp_path)
    assert "\n" not in str(caught.value)


def test_live_scores_follow_the_folders_and_originals_are_clean(tmp_path: Path) -> None:
    found = load_corpus(layouts.live(tmp_path))
    records = {(record.path.parent.name, record.path.name): record for record in found.records}
    assert records["jp2k", "img1.bmp"].mos == 0
    assert records["fastfading", "img1.bmp"].mos == 10
    assert records["jpeg", "img2.bmp"].clean
    assert records["wn", "img3.bmp"].clean
    assert records["jpeg", "img1.bmp"].labels == ("jpeg",)
    assert records["jpeg", "img1.bmp"].scene == "Womanhat"
    assert records["fastfading", "img1.bmp"].labels == ("fast_fading",)


def test_live_without_scores(tmp_path: Path) -> None:
    found = load_corpus(layouts.live(tmp_path, scores=False))
    records = {(record.path.parent.name, record.path.name): record for record in found.records}
    assert records["wn", "img3.bmp"].clean
    assert not records["jpeg", "img2.bmp"].clean
    assert any("untouched copies" in note for note in found.notes)


@pytest.mark.parametrize("value", [np.arange(5.0), np.array(["a"] * 11), np.full(11, np.nan)])
def test_live_scores_are_checked(value: object, tmp_path: Path) -> None:
    layouts.live(tmp_path)
    savemat(tmp_path / "dmos.mat", {"dmos": value})
    with pytest.raises(DataError, match=r"dmos\.mat"):
        load_corpus(tmp_path)
    (tmp_path / "dmos.mat").write_bytes(b"not MATLAB")
    with pytest.raises(DataError, match="MATLAB"):
        load_corpus(tmp_path)


def test_livemd_has_two_labels(tmp_path: Path) -> None:
    found = load_corpus(layouts.livemd(tmp_path))
    assert found.labels == ("gaussian_blur", "jpeg", "white_noise")
    counts = Counter(record.labels for record in found.records)
    assert counts == {
        ("gaussian_blur", "jpeg"): 9,
        ("gaussian_blur", "white_noise"): 9,
        ("gaussian_blur",): 6,
        ("jpeg",): 3,
        ("white_noise",): 3,
        (): 2,
    }
    assert {record.scene for record in found.records} == {"bikes"}
    assert by_name(found)["bikes_blur0_jpeg2.bmp"].level == 2


def test_livemd_scores_are_dmos_by_the_lists_of_each_part(tmp_path: Path) -> None:
    found = load_corpus(layouts.livemd(tmp_path))
    named = by_name(found)
    assert (named["bikes_blur3_jpeg1.bmp"].mos, named["bikes_blur0_noise2.bmp"].mos) == (31.0, 2.5)
    assert named["bikes.bmp"].mos is None
    assert found.mos_lower_better
    assert all("scores" not in note for note in found.notes)
    (tmp_path / "Part 1" / "Scores.mat").unlink()
    half = by_name(load_corpus(tmp_path))
    assert (half["bikes_blur3_jpeg1.bmp"].mos, half["bikes_blur0_noise2.bmp"].mos) == (None, 2.5)
    (tmp_path / "Part 2" / "Scores.mat").unlink()
    assert any("no opinion scores" in note for note in load_corpus(tmp_path).notes)


def test_livemd_lists_that_do_not_fit_are_named(tmp_path: Path) -> None:
    layouts.livemd(tmp_path)
    savemat(tmp_path / "Part 1" / "Scores.mat", {"DMOSscores": np.zeros((1, 3))})
    with pytest.raises(DataError, match=r"Scores\.mat: DMOSscores"):
        load_corpus(tmp_path)
    savemat(tmp_path / "Part 1" / "Scores.mat", {"DMOSscores": np.zeros((1, 1))})
    for name, message in (
        ("gone_blur1_jpeg1.bmp", "expected gone_blur1_jpeg1.bmp"),
        ("../x.bmp", "no plain file name"),
    ):
        cells = np.array([[np.array([name])]], dtype=object)
        savemat(tmp_path / "Part 1" / "Imagelists.mat", {"distimgs": cells})
        with pytest.raises(DataError, match=message):
            load_corpus(tmp_path)


def test_livemd_needs_its_references(tmp_path: Path) -> None:
    layouts.livemd(tmp_path)
    for part in ("Part 1/blurjpeg", "Part 2/blurnoise"):
        (tmp_path / part / "bikes.bmp").unlink()
    with pytest.raises(DataError, match=r"expected bikes\.bmp"):
        load_corpus(tmp_path)


def test_lvq_videos(tmp_path: Path) -> None:
    found = load_corpus(layouts.lvq(tmp_path))
    records = {record.path.relative_to(tmp_path).as_posix(): record for record in found.records}
    assert records["mixed/video1_noise_smoke_2.avi"].labels == ("smoke", "white_noise")
    assert records["MotionBlur/video1_3.mp4"].labels == ("motion_blur",)
    assert records["Defocus_Blur/video1_2.avi"].labels == ("lens_blur",)
    assert records["Uneven_Illumination/video1_1.avi"].labels == ("uneven_illumination",)
    assert records["reference/video1.avi"].clean
    assert {record.scene for record in records.values()} == {"1", "12"}
    assert records["AWGN/video12_4.avi"].level == 4
    layouts.text(tmp_path / "other" / "video3.avi", [""])
    with pytest.raises(DataError, match=r"video3\.avi.*expected a distortion"):
        load_corpus(tmp_path)


def test_lvq_as_the_challenge_had_it(tmp_path: Path) -> None:
    found = load_corpus(layouts.lvq_challenge(tmp_path))
    records = {record.path.relative_to(tmp_path).as_posix(): record for record in found.records}
    assert len(records) == 30
    assert {name.split("/")[0]: record.labels for name, record in records.items()} == {
        "awgn": ("white_noise",),
        "defocus_blur": ("lens_blur",),
        "defocus_uneven": ("lens_blur", "uneven_illumination"),
        "motion_blur": ("motion_blur",),
        "noise_smoke": ("smoke", "white_noise"),
        "noise_smoke_uneven": ("smoke", "uneven_illumination", "white_noise"),
        "noise_uneven": ("uneven_illumination", "white_noise"),
        "smoke": ("smoke",),
        "smoke_uneven": ("smoke", "uneven_illumination"),
        "uneven_illum": ("uneven_illumination",),
    }
    assert {record.scene for record in found.records} == {"1", "2", "20"}
    assert (records["noise_smoke_uneven/video20_3.avi"].scene, records["awgn/video2_4.avi"].level) == ("20", 4)


def synth(root: Path) -> Path:
    layouts.picture(root / "photos" / "a.png")
    for name in ("a.png.jpeg-3.png", "b.png.jpeg-3.png", "a.png.0001-jpeg+white_noise.png"):
        layouts.picture(root / "out" / name)
    rows = [
        "file,source,labels,severities,parameters,seed,width,height",
        'a.png.jpeg-3.png,photos/a.png,jpeg,3,"{""jpeg"": {""quality"": 24.0}}",7,8,8',
        "b.png.jpeg-3.png,photos/b.png,jpeg,3,{},7,8,8",
        "a.png.0001-jpeg+white_noise.png,photos/a.png,white_noise+jpeg,1.5+2,{},7,8,8",
    ]
    layouts.text(root / "out" / "manifest.csv", rows)
    (root / "out" / "synth.json").write_text(json.dumps({"inputs": [str(root / "photos")]}))
    return root / "out"


def test_what_synth_wrote(tmp_path: Path) -> None:
    found = load_corpus(synth(tmp_path))
    assert (found.name, found.labels) == ("synth", ("jpeg", "white_noise"))
    records = by_name(found)
    assert records["a.png.0001-jpeg+white_noise.png"].severities == {"white_noise": 1.5, "jpeg": 2.0}
    assert records["a.png"].clean
    assert records["a.png.jpeg-3.png"].reference == tmp_path / "photos" / "a.png"
    assert records["b.png.jpeg-3.png"].reference is None
    assert any("1 of 2 clean pictures" in note for note in found.notes)


@pytest.mark.parametrize("name", ["../photos/a.png", "/etc/passwd", "a/../../photos/a.png", "x\0y", ""])
def test_manifest_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    out = synth(tmp_path)
    text = (out / "manifest.csv").read_text().replace("b.png.jpeg-3.png,", f"{name},")
    (out / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=r"line 3|CSV|NUL"):
        load_corpus(out)


def test_synth_of_this_version_is_read(tmp_path: Path) -> None:
    """The real command, so that manifest and loader cannot drift apart."""
    from dheads_cli.main import run

    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(tmp_path / "a.png")
    arguments = ("synth", str(tmp_path / "a.png"), str(tmp_path / "out"), "--severities", "2", "--jobs", "1")
    assert run([*arguments, "--distortions", "jpeg,white_noise"]) == 0
    found = load_corpus(tmp_path / "out")
    assert [record.severities for record in found.records if not record.clean] == [{"jpeg": 2.0}, {"white_noise": 2.0}]
    assert [record.path for record in found.records if record.clean] == [tmp_path / "a.png"]
