"""A folder or CSV file -> the dataset that it holds, read as its owners distribute it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distortion_heads.datasets.published import clive, csiq, generic, kadid, koniq, live, livemd, lvq, synthetic, tid
from distortion_heads.datasets.published.files import is_file
from distortion_heads.datasets.record import Corpus
from distortion_heads.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Loader:
    """How one kind is read: `fits(folder)` looks at names alone, `read(folder)` raises `DataError`."""

    layout: str
    fits: Callable[[Path], bool]
    read: Callable[[Path], Corpus]


LOADERS = {
    kadid.KIND: Loader(layout="images/I01_01_01.png, dmos.csv", fits=kadid.fits, read=kadid.read),
    tid.KIND: Loader(
        layout="distorted_images/i01_01_1.bmp, reference_images/, mos_with_names.txt", fits=tid.fits, read=tid.read
    ),
    csiq.KIND: Loader(layout="dst_imgs/awgn/1600.AWGN.1.png, src_imgs/", fits=csiq.fits, read=csiq.read),
    live.KIND: Loader(layout="jp2k/info.txt, refimgs/", fits=live.fits, read=live.read),
    livemd.KIND: Loader(layout="bikes_blur1_jpeg2.bmp, bikes.bmp", fits=livemd.fits, read=livemd.read),
    clive.KIND: Loader(layout="Images/, Data/AllMOS_release.mat", fits=clive.fits, read=clive.read),
    koniq.KIND: Loader(layout="1024x768/, koniq10k_scores_and_distributions.csv", fits=koniq.fits, read=koniq.read),
    lvq.KIND: Loader(layout="videos such as awgn/video1_2.avi", fits=lvq.fits, read=lvq.read),
    synthetic.KIND: Loader(layout="manifest.csv, synth.json", fits=synthetic.fits, read=synthetic.read),
    generic.FOLDER: Loader(layout="LABEL/, clean/", fits=generic.fits_folder, read=generic.read_folder),
}
"""By kind. The generic folder comes last: it is taken only where none of the others fits."""

KINDS = (*LOADERS, generic.CSV)


def load_corpus(folder: Path, kind: str | None = None) -> Corpus:
    """Read the dataset in `folder`, or the CSV file of that path; `kind` is one of `KINDS`, found out if None.

    Raises `DataError` if none or several kinds fit, or if a file is missing, which it names.
    """
    if kind is not None and kind not in KINDS:
        raise DataError(f"no dataset kind {kind!r}: choose one of {', '.join(KINDS)}")
    if is_file(folder):
        if kind not in (None, generic.CSV):
            raise DataError(f"{folder} is a file: a {kind} dataset is a folder")
        return generic.read_csv(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder or CSV file")
    if kind == generic.CSV:
        raise DataError(f"{folder} is a folder: give the CSV file")
    return LOADERS[kind or _detect(folder)].read(folder)


def _detect(folder: Path) -> str:
    fitting = [kind for kind, loader in LOADERS.items() if loader.fits(folder)]
    published = [kind for kind in fitting if kind != generic.FOLDER]
    if len(published) > 1:
        raise DataError(f"{folder} could be {' or '.join(published)}: say which (--kind)")
    if fitting:
        return fitting[0]
    known = "; ".join(f"{kind}: {loader.layout}" for kind, loader in LOADERS.items())
    raise DataError(f"{folder}: no dataset that is known ({known}; or give a CSV file with path,label)")
