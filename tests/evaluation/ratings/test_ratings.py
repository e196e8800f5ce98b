"""`dheads evaluate --task quality` on miniature datasets with ratings of either orientation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.record import Corpus
from distortion_heads.errors import DataError
from distortion_heads.evaluation.ratings.brisque import NAME, out_of_fold
from distortion_heads.evaluation.ratings.evaluate import RatingsOptions, evaluate_ratings
from distortion_heads.evaluation.ratings.rated import rated_pictures
from distortion_heads.evaluation.ratings.result import cross_table
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.scorers import find_scorers
from helpers import corpora_layouts as layouts
from helpers.contracts import assert_valid
from helpers.little_pictures import save, scene

SCENES, STRENGTHS = 6, (2, 6, 12, 24)

pytestmark = pytest.mark.usefixtures("few_draws")


def write_rated(root: Path, *, kinds: tuple[str, ...] = ("white_noise", "other_noise"), first: int = 0) -> Corpus:
    """Noise of rising strength on each scene, rated lower the stronger it is."""
    rows = ["path,label,group,mos,reference"]
    for number in range(first, first + SCENES):
        clean = scene(number, 64)
        save(root / f"s{number}.png", clean)
        rows.append(f"s{number}.png,clean,g{number},,")
        for kind in kinds:
            for strength in STRENGTHS:
                rng = np.random.default_rng([number, strength, len(kind), ord(kind[0])])
                noise = rng.normal(0, strength, clean.shape)
                name = f"s{number}_{kind}_{strength}.png"
                save(root / name, np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8))
                rows.append(f"{name},{kind},g{number},{90 - 3 * strength + rng.normal():.3f},s{number}.png")
    (root / "ratings.csv").write_text("\n".join(rows))
    return load_corpus(root / "ratings.csv")


def options(out: Path) -> RatingsOptions:
    return RatingsOptions(out=out, scorers=find_scorers(("psnr", "gradient", "naturalness")), threads=2)


def test_figures_of_a_dataset(tmp_path: Path) -> None:
    result = evaluate_ratings([write_rated(tmp_path)], options(tmp_path / "out"))
    (dataset,) = result.datasets
    assert (dataset.pictures, dataset.scenes) == (SCENES * 8, SCENES), "those without a score are left out"
    rows = {row.name: row for row in dataset.rows}
    psnr = rows["psnr"].agreement
    assert psnr is not None
    assert psnr.srocc is not None
    assert psnr.srocc > 0.9, "pairs of equal strength keep it below 1"
    assert psnr.plcc5 is not None
    assert psnr.plcc5 > 0.98
    assert psnr.rmse is not None
    assert 0.5 < psnr.rmse < 5
    assert psnr.srocc_interval is not None
    assert rows["psnr"].kinds.keys() == dataset.kinds.keys() == {"white_noise", "other_noise"}
    gradient = rows["gradient"].agreement
    assert gradient is not None
    assert gradient.srocc is not None
    assert gradient.srocc < -0.7, "it takes noise for detail"
    assert (rows["naturalness"].missing, rows["naturalness"].agreement) == (SCENES * 8, None)
    brisque = rows[NAME].agreement
    assert brisque is not None
    assert brisque.srocc is not None
    assert brisque.srocc > 0.8
    assert_valid("ratings", json.loads((tmp_path / "out" / "result.json").read_text()))
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| PSNR | needed | 48 |" in report
    assert "| white_noise | 24 |" in report
    assert "Fitted on one" not in report


def test_difference_scores_are_turned_round(tmp_path: Path) -> None:
    corpus = write_rated(tmp_path)
    flipped = tuple(replace(r, mos=None if r.mos is None else 100 - r.mos) for r in corpus.records)
    dmos = replace(corpus, records=flipped, mos_lower_better=True)
    a, b = (evaluate_ratings([c], options(tmp_path / "out")).datasets[0] for c in (corpus, dmos))
    first, second = a.rows[0].agreement, b.rows[0].agreement
    assert first is not None
    assert second is not None
    assert second.srocc == pytest.approx(first.srocc)
    assert b.lower_better
    assert "were turned round" in (tmp_path / "out" / "report.md").read_text()


def test_livemd_is_rated_by_differences(tmp_path: Path) -> None:
    corpus = load_corpus(layouts.livemd(tmp_path))
    found = rated_pictures(corpus, content_hashes([record.path for record in corpus.records]))
    assert (found.lower_better, len(found.records)) == (True, 30)
    order = np.argsort(found.opinions)
    worst, best = found.records[order[0]], found.records[order[-1]]
    assert (worst.path.name, best.path.name) == ("bikes_blur3_noise3.bmp", "bikes_blur0_jpeg1.bmp")


def test_fitted_on_one_and_measured_on_the_other(tmp_path: Path) -> None:
    corpora = [write_rated(tmp_path / "one"), write_rated(tmp_path / "two", first=20)]
    corpora = [replace(corpus, folder=corpus.folder.parent) for corpus in corpora]
    result = evaluate_ratings(corpora, options(tmp_path / "out"))
    header, *rows = cross_table(result)
    assert header == ["fitted on", "one", "two"]
    names = [row[0] for row in rows]
    assert names == ["PSNR, none", "gradient sharpness, none", "naturalness (after NIQE), none", "BRISQUE + SVR, one",
                     "BRISQUE + SVR, two"]  # fmt: skip
    (own, other), (back, _) = (result.cross[f"BRISQUE + SVR, {name}"] for name in ("one", "two"))
    assert own == next(row for row in result.datasets[0].rows if row.name == NAME).agreement.srocc  # type: ignore[union-attr]
    assert min(other or 0, back or 0) > 0.7
    assert "## Fitted on one, measured on the others" in (tmp_path / "out" / "report.md").read_text()
    with pytest.raises(DataError, match="two datasets lie in folders of one name"):
        evaluate_ratings([corpora[0], corpora[0]], options(tmp_path / "out"))


def test_no_scene_is_fitted_and_judged() -> None:
    """Features that name the scene alone predict nothing of others."""
    scenes = np.repeat(np.arange(10), 8)
    opinions = np.random.default_rng(0).normal(size=10)[scenes]
    features = np.eye(10)[scenes]
    found = out_of_fold(features, opinions, scenes)
    assert found is not None
    assert np.corrcoef(found, opinions)[0, 1] < 0.3
    assert out_of_fold(features, opinions, np.zeros(80, np.int64)) is None


def test_ratings_that_cannot_be_used(tmp_path: Path) -> None:
    corpus = write_rated(tmp_path)
    hashes = content_hashes([record.path for record in corpus.records])
    for mos, words in ((None, "0 rated pictures: at least 5"), (3.0, "all pictures are rated 3")):
        spoilt = replace(corpus, records=tuple(replace(record, mos=mos) for record in corpus.records))
        with pytest.raises(DataError, match=words):
            rated_pictures(spoilt, hashes)
    one = replace(corpus, records=tuple(record for record in corpus.records if record.scene == "g0"))
    assert rated_pictures(one, hashes).notes[-1].startswith("all pictures show one scene")
    result = evaluate_ratings([one], options(tmp_path / "out"))
    assert NAME not in [row.name for row in result.datasets[0].rows]
