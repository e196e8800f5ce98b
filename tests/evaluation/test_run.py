"""Repetitions: run once, kept, never run again; the methods on frozen features; videos."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distortion_heads._system.locks import only_writer
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.datasets.selection import Selection, select
from distortion_heads.errors import DataError, DheadsError
from distortion_heads.evaluation import evaluate as evaluation
from distortion_heads.evaluation.evaluate import EvaluateOptions, evaluate
from distortion_heads.evaluation.methods import Surroundings, make_method, parse_method
from distortion_heads.evaluation.outcome import load_outcome
from distortion_heads.evaluation.run import RepetitionPlan, run_plan
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.registry.build import Registry
from distortion_heads.spec import View
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.heads import fit_layers as fit
from helpers.contracts import assert_valid
from helpers.little_clips import write_clip
from helpers.little_pictures import GRAIN, noisy, registry, scene, spec
from helpers.little_records import LABELS, KnownAnswers, little_corpus

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return little_corpus(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, few_draws: None) -> None:
    """Few steps of fitting are enough here."""
    monkeypatch.setattr(fit, "MIN_STEPS", 60)
    monkeypatch.setattr(fit, "MAX_STEPS", 60)


@pytest.fixture(scope="module")
def selection(corpus: Corpus) -> Selection:
    return select(corpus, content_hashes([record.path for record in corpus.records]))


def surroundings(corpus: Corpus, cache: Path | None = None, registry_: Registry | None = None) -> Surroundings:
    return Surroundings(
        registry=registry_ or registry(),
        corpus=corpus.name,
        hashes=content_hashes([record.path for record in corpus.records]),
        cache=None if cache is None else FeatureCache(cache),
        frames=3,
    )


def files(out: Path) -> list[Path]:
    return sorted((out / "repetitions").glob("*.json"))


def test_finished_repetitions_are_never_run_again_after_a_crash(selection: Selection, tmp_path: Path) -> None:
    broken = KnownAnswers(breaks=2)
    plan = RepetitionPlan(methods=(broken,), repeats=4)
    with pytest.raises(RuntimeError, match="power"):
        run_plan(plan, selection, tmp_path)
    assert len(files(tmp_path)) == 2
    assert not list((tmp_path / "repetitions").glob(".*"))
    mended = KnownAnswers()
    outcomes = run_plan(replace(plan, methods=(mended,)), selection, tmp_path)
    assert len(mended.calls) == 2
    assert [outcome.seed for outcome in outcomes] == [0, 1, 2, 3]
    assert not list((tmp_path / "work").iterdir())
    again = KnownAnswers()
    repeated = run_plan(replace(plan, methods=(again,)), selection, tmp_path)
    assert again.calls == []
    for one, other in zip(outcomes, repeated, strict=True):
        assert np.allclose(one.probability, other.probability)
        assert one.paths == other.paths


@pytest.mark.parametrize("change", ["key", "protocol", "share", "seed", "labels", "data", "damage"])
def test_repetition_is_run_again_if_anything_that_decides_it_is_another(
    corpus: Corpus, selection: Selection, tmp_path: Path, change: str
) -> None:
    run_plan(RepetitionPlan(methods=(KnownAnswers(),), repeats=1), selection, tmp_path)
    method = KnownAnswers(key="known 2") if change == "key" else KnownAnswers()
    plan = RepetitionPlan(methods=(method,), repeats=1)
    if change == "protocol":
        plan = replace(plan, protocols=("shared-scenes",))
    if change == "share":
        plan = replace(plan, shares=(0.4,))
    if change == "seed":
        plan = replace(plan, seed=1)
    if change == "labels":
        selection = select(corpus, content_hashes([record.path for record in corpus.records]), ("dark",))
    if change == "data":
        hashes = content_hashes([record.path for record in corpus.records])
        selection = select(corpus, {**hashes, corpus.records[3].path: "another content"})
    if change == "damage":
        (file,) = files(tmp_path)
        file.write_bytes(file.read_bytes()[:-20])
        assert load_outcome(file) is None
    run_plan(plan, selection, tmp_path)
    assert len(method.calls) == 1


def test_renamed_method_is_not_run_again(selection: Selection, tmp_path: Path) -> None:
    run_plan(RepetitionPlan(methods=(KnownAnswers(),), repeats=1), selection, tmp_path)
    renamed = KnownAnswers(name="other name")
    (outcome,) = run_plan(RepetitionPlan(methods=(renamed,), repeats=1), selection, tmp_path)
    assert renamed.calls == []
    assert outcome.method == "other name"


def test_all_methods_see_the_same_split_and_no_method_sees_the_test_part(selection: Selection, tmp_path: Path) -> None:
    methods = (KnownAnswers(), KnownAnswers(name="second", key="second"))
    outcomes = run_plan(RepetitionPlan(methods=methods, repeats=2), selection, tmp_path)
    assert methods[0].calls == methods[1].calls
    for outcome, (train, validation) in zip(outcomes[::2], methods[0].calls, strict=True):
        seen = {record.scene for record in (*train, *validation)}
        assert not seen & set(outcome.scenes)
        assert {record.scene for record in train}.isdisjoint(record.scene for record in validation)


def test_answers_that_are_no_numbers_are_refused(selection: Selection, tmp_path: Path) -> None:
    class Silent:
        name = key = "silent"

        def fit(self, *parts: Any, **more: Any) -> Any:
            return self

        thresholds = np.full(2, 0.5)

        def probabilities(self, records: Sequence[Record]) -> np.ndarray:
            return np.full((len(records), 2), np.nan)

    with pytest.raises(DataError, match="'silent' gave no probability"):
        run_plan(RepetitionPlan(methods=(Silent(),), repeats=1), selection, tmp_path)
    assert not files(tmp_path)


def test_frozen_learns_reports_and_writes_everything(corpus: Corpus, tmp_path: Path) -> None:
    options = EvaluateOptions(
        out=tmp_path / "out",
        protocols=("disjoint", "shared-scenes"),
        shares=(0.4, 0.8),
        repeats=1,
        predictions=tmp_path / "answers.csv",
        note="Twelve painted scenes.",
    )
    result = evaluate(corpus, options, registry=registry(GRAIN), cache=FeatureCache(tmp_path / "cache"))
    assert {(row.protocol, row.share) for row in result.rows} == {
        (protocol, share) for protocol in ("disjoint", "shared-scenes") for share in (0.4, 0.8)
    }
    for row in result.at("disjoint"):
        assert row.figures["macro_auroc"].median > 0.9  # type: ignore[union-attr]
        assert row.figures["seconds"].median > 0  # type: ignore[union-attr]
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written >= {
        *(
            "report.md",
            "result.json",
            "leak.png",
            "confusion-frozen-disjoint.png",
            "confusion-frozen-shared-scenes.png",
        ),
        *(f"{plot}-{protocol}.png" for plot in ("thresholds", "shares") for protocol in ("disjoint", "shared-scenes")),
    }
    report = (tmp_path / "out" / "report.md").read_text()
    for text in (
        "Twelve painted scenes.",
        "frozen on dheads_small@",
        "What the leak is worth",
        "Single and multiple",
        "| dark |",
        "40%",
    ):
        assert text in report
    for name in written:
        if name.endswith(".png"):
            assert name in report
            with Image.open(tmp_path / "out" / name) as picture:
                picture.verify()
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    assert_valid("evaluation", content)
    assert content["dataset"]["clean"] == 12
    assert content["rows"][0]["figures"]["exact"]["values"]
    with (tmp_path / "answers.csv").open(newline="") as stream:
        answers = list(csv.DictReader(stream))
    assert {answer["true"] for answer in answers} == {"", "dark", "grain", "dark;grain"}
    assert all((float(answer["grain"]) >= 0) and answer["path"].startswith("s") for answer in answers)


def test_features_are_cached_and_a_timed_judge_does_not_use_them(corpus: Corpus, tmp_path: Path) -> None:
    method = make_method("frozen", surroundings(corpus, tmp_path / "cache"))
    train, validation = corpus.records[:36], corpus.records[36:60]
    judge: Any = method.fit(train, validation, LABELS, seed=0, work=tmp_path)
    cached = list((tmp_path / "cache").rglob("*"))
    assert sum(path.is_file() for path in cached) == 60
    before = judge.probabilities(validation[:2])
    for path in cached:
        if path.is_file():
            path.unlink()
    assert judge.uncached().probabilities(validation[:2]).tolist() == before.tolist()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_picture_that_cannot_be_read_is_named(corpus: Corpus, tmp_path: Path) -> None:
    bad = tmp_path / "torn.png"
    bad.write_bytes(b"no picture")
    method = make_method("frozen", surroundings(corpus))
    with pytest.raises(DataError, match=r"torn\.png"):
        method.fit(
            [*corpus.records[:6], Record(path=bad, scene="x")], corpus.records[6:12], LABELS, seed=0, work=tmp_path
        )


def test_shipped_judges_the_labels_that_have_heads_as_predict_does(
    corpus: Corpus, home: Path, tmp_path: Path, backbone: Any
) -> None:
    from distortion_heads.pipeline import Predictor
    from distortion_heads.registry.attached import load_registry
    from distortion_heads.registry.user_heads import Store
    from helpers.sample_heads import make_head

    values = {"dim": backbone.ref.dim, "backbone": backbone.ref, "hidden": (16,)}
    Store(home).save(make_head("grain", **values), overwrite=True)
    installed = load_registry(no_plugins=True)
    options = EvaluateOptions(out=tmp_path, methods=("shipped",), repeats=1, predictions=tmp_path / "p.csv")
    result = evaluate(corpus, options, registry=installed)
    assert result.labels == ("grain",)
    assert any("dark" in note for note in result.notes)
    predictor = Predictor(["grain"], registry=installed)
    with (tmp_path / "p.csv").open(newline="") as stream:
        for answer in list(csv.DictReader(stream))[:4]:
            (head,) = predictor.predict(corpus.folder / answer["path"]).heads
            assert float(answer["grain"]) == pytest.approx(head.probability, abs=2e-3)


def test_video_is_judged_by_frames_spread_over_it(tmp_path: Path, corpus: Corpus) -> None:
    """Half clean, half noisy: between what the two halves get alone."""
    clean, grain = scene(3, 64), noisy(scene(3, 64), 1)
    mixed = Record(path=write_clip(tmp_path / "mixed.mkv", [clean] * 6 + [grain] * 6), scene="v")
    ends = [
        Record(path=write_clip(tmp_path / f"{i}.mkv", [pixels] * 12), scene="v")
        for i, pixels in enumerate((clean, grain))
    ]
    method = make_method("frozen", replace(surroundings(corpus), frames=2))
    judge = method.fit(corpus.records[:36], corpus.records[36:60], LABELS, seed=0, work=tmp_path)
    low, high = (judge.probabilities([record])[0, 1] for record in ends)
    between = judge.probabilities([mixed])[0, 1]
    assert low < between < high
    assert between == pytest.approx((low + high) / 2, abs=0.02)


def test_trained_network_judges_as_many_frames_as_are_asked_for(tmp_path: Path, corpus: Corpus) -> None:
    """Two of twelve, of which the last four are noisy: one of each kind, where more frames would be mostly clean."""
    clean, grain = scene(3, 64), noisy(scene(3, 64), 1)
    videos = {"mixed": [clean] * 8 + [grain] * 4, "clean": [clean] * 12, "grain": [grain] * 12}
    records = [Record(path=write_clip(tmp_path / f"{name}.mkv", v), scene="v") for name, v in videos.items()]
    text = "ameur,backbone=mobilenet_v3_small,weights=none,side=48,stride=48,epochs=1"
    method = make_method(text, replace(surroundings(corpus), frames=2, cache=FeatureCache(tmp_path / "cache")))
    judge = method.fit(corpus.records[:36], corpus.records[36:60], LABELS, seed=0, work=tmp_path)
    mixed, low, high = judge.probabilities(records)[:, 1]
    assert mixed == pytest.approx((low + high) / 2, abs=0.1 * abs(high - low))


def test_methods_are_named_with_options(corpus: Corpus) -> None:
    assert parse_method("ameur, backbone=resnet50,epochs=2,rate=1e-3,severity=false") == (
        "ameur",
        {"backbone": "resnet50", "epochs": 2, "rate": 1e-3, "severity": False},
    )
    around = surroundings(corpus)
    for text, says in (
        ("frozenn", "no method 'frozenn': there are frozen, shipped"),
        ("frozen,epochs", "no option=value"),
        ("frozen,epochs=2", "no option 'epochs'"),
        ("frozen,backbone=nowhere", "no backbone 'nowhere'"),
        ("ameur,device=cuda", "'device' is no option of a method"),
        ("ameur,epochs=many", "epochs=many cannot be: a whole number of at least 1"),
    ):
        with pytest.raises(DheadsError, match=says):
            make_method(text, around)


def test_method_has_the_name_that_it_is_given(corpus: Corpus, tmp_path: Path) -> None:
    plain, named = (make_method(text, surroundings(corpus)) for text in ("frozen", "frozen,as=ours"))
    assert (plain.name, named.name, plain.key == named.key) == ("frozen", "ours", True)
    options = EvaluateOptions(out=tmp_path, methods=("frozen,as=ours", "ameur,weights=none,as=ours"))
    with pytest.raises(DataError, match="two --method have one name"):
        evaluate(corpus, options, registry=registry())


def test_no_other_run_writes_there_until_the_report_is_written(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def draw(result: object) -> dict[str, bytes]:
        with (
            pytest.raises(DataError, match="another dheads evaluate is writing"),
            only_writer(tmp_path, "dheads evaluate"),
        ):
            pass
        tried.append("plots")
        return {}

    monkeypatch.setattr(evaluation, "make_method", lambda *arguments: KnownAnswers())
    monkeypatch.setattr(evaluation, "draw_plots", draw)
    evaluate(corpus, EvaluateOptions(out=tmp_path, repeats=1), registry=registry())
    assert tried == ["plots"]
    with only_writer(tmp_path, "dheads evaluate"):
        assert (tmp_path / "report.md").is_file()


def test_answers_that_cannot_be_written_are_told_of(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "make_method", lambda *arguments: KnownAnswers())
    monkeypatch.setattr(evaluation, "draw_plots", lambda result: {})
    (tmp_path / "answers.csv").mkdir()
    options = EvaluateOptions(out=tmp_path / "out", repeats=1, predictions=tmp_path / "answers.csv")
    with pytest.raises(DataError, match=r"answers\.csv cannot be written: .*; choose another --predictions$"):
        evaluate(corpus, options, registry=registry())


@pytest.mark.parametrize("view", ["overview", "light"])
def test_views_of_installed_labels_are_used(corpus: Corpus, tmp_path: Path, view: View) -> None:
    around = surroundings(corpus, registry_=registry(spec("dark", view=view)))
    native = make_method("frozen", surroundings(corpus))
    other = make_method("frozen", around)
    assert native.key != other.key
    answers = [
        method.fit(corpus.records[:36], corpus.records[36:60], LABELS, seed=0, work=tmp_path).probabilities(
            corpus.records[60:]
        )
        for method in (native, other)
    ]
    assert not np.allclose(answers[0][:, 0], answers[1][:, 0])
    assert np.allclose(answers[0][:, 1], answers[1][:, 1])
