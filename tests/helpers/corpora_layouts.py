"""Each dataset in miniature, with its owners' names, upper and lower case as theirs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

KADID_TYPES = range(1, 26)
CSIQ = {"awgn": "AWGN", "blur": "BLUR", "contrast": "contrast", "fnoise": "fnoise", "jpeg": "JPEG",
        "jpeg2000": "jpeg2000"}  # fmt: skip
LIVE = {"jp2k": 3, "jpeg": 2, "wn": 3, "gblur": 2, "fastfading": 1}
"""Number of pictures by folder."""


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_encoded(path.suffix.lower().lstrip("."), seed % 8))
    return path


@lru_cache
def _encoded(kind: str, seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(stream, {"jpg": "jpeg"}.get(kind, kind))
    return stream.getvalue()


def text(path: Path, lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def kadid(root: Path, *, scenes: int = 1, folder: str = "images", types: Iterable[int] = KADID_TYPES) -> Path:
    rows = ["dist_img,ref_img,dmos,var"]
    for scene in range(1, scenes + 1):
        picture(root / folder / f"I{scene:02d}.png", scene)
        for kind in types:
            for level in range(1, 6):
                name = f"I{scene:02d}_{kind:02d}_{level:02d}.png"
                picture(root / folder / name, 1000 * scene + 10 * kind + level)
                rows.append(f"{name},I{scene:02d}.png,{5 - 0.7 * level:.2f},0.41")
    text(root / "dmos.csv", rows)
    return root


def tid(root: Path) -> Path:
    """Scene 1 in capitals, scene 25 in small letters, as in the original."""
    rows = []
    for reference, small in (("I01.BMP", "I01_{}_{}.bmp"), ("i25.bmp", "i25_{}_{}.bmp")):
        picture(root / "reference_images" / reference)
        for kind in range(1, 25):
            for level in range(1, 6):
                name = small.format(f"{kind:02d}", level)
                stored = name.upper() if kind == 24 else name
                picture(root / "distorted_images" / stored, 10 * kind + level)
                rows.append(f"{6 - level / 2:.5f} {name}")
    text(root / "mos_with_names.txt", rows)
    return root


def csiq(root: Path) -> Path:
    for seed, scene in enumerate(("1600", "aerial_city")):
        picture(root / "src_imgs" / f"{scene}.png", seed)
        for folder, kind in CSIQ.items():
            for level in range(1, 6 if kind != "contrast" else 5):
                picture(root / "dst_imgs" / folder / f"{scene}.{kind}.{level}.png", level)
    return root


def workbook(path: Path, sheets: Sequence[Sequence[Sequence[str | float | None]]]) -> Path:
    """An Excel workbook; None leaves a cell out."""
    from openpyxl import Workbook  # of the extra `train`

    book = Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def live(root: Path, *, scores: bool = True) -> Path:
    """The second picture of `jpeg` is an untouched copy; so is the third of `wn`, whose sigma is 0."""
    for name in ("bikes.bmp", "Womanhat.bmp"):
        picture(root / "refimgs" / name)
    for kind, count in LIVE.items():
        lines = []
        for index in range(1, count + 1):
            picture(root / kind / f"img{index}.bmp", index)
            parameter = 0.0 if (kind, index) == ("wn", 3) else 0.5 * index
            lines.append(f"{'womanhat.bmp' if index % 2 else 'bikes.bmp'} img{index}.bmp {parameter:f}")
        text(root / kind / "info.txt", reversed(lines))
    if scores:
        total = sum(LIVE.values())
        originals = np.zeros((1, total), np.uint8)
        originals[0, [4, 7]] = 1
        savemat(root / "dmos.mat", {"dmos": np.arange(total, dtype=np.float64)[None], "orgs": originals})
    return root


def livemd(root: Path, *, scores: bool = True) -> Path:
    """DMOS of 10 x blur + the other level, and half a point more in part 2."""
    for part, folder, second in (("Part 1", "blurjpeg", "jpeg"), ("Part 2", "blurnoise", "noise")):
        picture(root / part / folder / "bikes.bmp")
        if scores:
            levels = [(blur, other) for blur in range(4) for other in range(4) if blur or other][::-1]
            cells = np.array([[np.array([f"bikes_blur{b}_{second}{o}.bmp"])] for b, o in levels], dtype=object)
            savemat(root / part / "Imagelists.mat", {"distimgs": cells, "ref4dist": np.ones((len(levels), 1))})
            values = np.array([[10.0 * b + o + 0.5 * (second == "noise") for b, o in levels]])
            savemat(root / part / "Scores.mat", {"DMOSscores": values, "Zscores": -values})
        for blur in range(4):
            for other in range(4):
                if blur or other:
                    picture(root / part / folder / f"bikes_blur{blur}_{second}{other}.bmp", 10 * blur + other)
    return root


def clive(root: Path) -> Path:
    """Two pictures that taught the raters, then three that they judged."""
    names = ["t1.bmp", "t2.bmp", "3.bmp", "10.JPG", "11.bmp"]
    for number, name in enumerate(names):
        picture(root / "Images" / ("trainingImages" if name[0] == "t" else "") / name, number)
    cells = np.array([[np.array([name])] for name in names], dtype=object)
    (root / "Data").mkdir()
    savemat(root / "Data" / "AllImages_release.mat", {"AllImages_release": cells})
    savemat(root / "Data" / "AllMOS_release.mat", {"AllMOS_release": np.array([[1.0, 2.0, 63.5, 70.25, 12.0]])})
    return root


def koniq(root: Path) -> Path:
    rows = ["image_name,c1,c2,MOS,SD,MOS_zscore"]
    for number in range(3):
        picture(root / "512x384" / f"{number}.jpg", number)
        rows.append(f'"{number}.jpg",0,12,{3 + number / 10},0.5,{60.5 + number}')
    text(root / "koniq10k_scores_and_distributions.csv", rows)
    return root


def lvq_challenge(root: Path) -> Path:
    """The folders and names of the training part of the ICIP 2020 challenge."""
    for folder in ("awgn", "defocus_blur", "defocus_uneven", "motion_blur", "noise_smoke", "noise_smoke_uneven",
                   "noise_uneven", "smoke", "smoke_uneven", "uneven_illum"):  # fmt: skip
        for scene, level in ((1, 1), (2, 4), (20, 3)):
            text(root / folder / f"video{scene}_{level}.avi", [f"no real video of {folder} {scene}"])
    return root


def lvq(root: Path) -> Path:
    for name in (
        "AWGN/video1_1.avi",
        "AWGN/video12_4.avi",
        "Defocus_Blur/video1_2.avi",
        "MotionBlur/video1_3.mp4",
        "smoke/video1_1.avi",
        "Uneven_Illumination/video1_1.avi",
        "mixed/video1_noise_smoke_2.avi",
        "reference/video1.avi",
    ):
        text(root / name, ["no real video: its name is all that a loader reads"])
    return root
