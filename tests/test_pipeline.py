from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.answers import Prediction
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.onnx import OnnxEngine
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.errors import (
    BackboneMismatchError,
    HeadTensorError,
    ImageTooLargeError,
    InputError,
    UnknownHeadError,
)
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.rgb import Loaded
from distortion_heads.pipeline import FEW, Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneRef
from helpers.sample_heads import make_head

Pixels = NDArray[np.uint8]


def attach(home: Path, ref: BackboneRef, *labels: str, **changes: object) -> None:
    store = Store(home)
    for seed, label in enumerate(labels):
        head = make_head(label, dim=ref.dim, hidden=(32,), seed=seed, backbone=ref, **changes)
        store.save(head, overwrite=True)


def named(prediction: Prediction, labels: Sequence[str]) -> list[object]:
    return [head for head in prediction.heads if head.label in labels]


def test_every_bundled_head_answers(photo: Pixels) -> None:
    prediction = Predictor().predict(photo)
    assert (prediction.width, prediction.height, prediction.windows, prediction.path) == (512, 384, 6, None)
    assert len(prediction.heads) >= 9
    found = {family.family for family in prediction.present_families}
    for head in prediction.heads:
        assert 0 <= head.probability <= 1
        assert head.present <= (head.probability >= head.threshold)
        assert head.present == (head.probability >= head.threshold) or head.family not in found
        assert head.severity is not None
        assert 1 <= head.severity <= 5


def test_the_kinds_of_input_agree(photo: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    predictor = Predictor()
    results = [predictor.predict(source) for source in (path, str(path), path.read_bytes(), Image.open(path), photo)]
    assert [r.path for r in results] == [str(path), str(path), None, None, None]
    assert len({replace(r, path=None) for r in results}) == 1


def test_attaching_or_removing_a_head_changes_no_other(home: Path, backbone: CellBackbone, photo: Pixels) -> None:
    """Bit for bit, through the whole pipeline, in both views and in any order of attachment."""
    attach(home, backbone.ref, "a_one", "b_two")
    before = Predictor().predict(photo)
    attach(home, backbone.ref, *(f"n{i}" for i in range(17)))
    attach(home, backbone.ref, *(f"v{i}" for i in range(3)), view="overview")
    more = Predictor().predict(photo)
    labels = [head.label for head in before.heads]
    assert named(more, labels) == list(before.heads)
    for label in ("a_one", *(f"n{i}" for i in range(9))):
        Store(home).remove(label)
    kept = [label for label in labels if label != "a_one"]
    assert named(Predictor().predict(photo), kept) == named(before, kept)


def test_one_head_alone_equals_itself_among_all(photo: Pixels) -> None:
    everything = Predictor().predict(photo)
    for head in [head for head in everything.heads if head.scope == "kind"][:4]:
        assert Predictor([head.label]).predict(photo).heads == (head,)


def test_the_order_is_the_callers(photo: Pixels) -> None:
    predictor = Predictor(["white_noise", "smoke", "gaussian_blur"])
    assert [h.label for h in predictor.predict(photo).heads] == ["white_noise", "smoke", "gaussian_blur"]


def test_no_view_is_computed_that_no_head_reads(photo: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, seen = Predictor(["white_noise"]), []
    engine = predictor.backbone._engine
    run = engine.moments
    monkeypatch.setattr(engine, "moments", lambda pixels: seen.append(pixels.shape) or run(pixels))
    predictor.predict(photo)
    assert seen == [(384, 512, 3)]


def test_threads_share_a_predictor(photo: Pixels) -> None:
    predictor = Predictor()
    pictures = [np.roll(photo, 37 * i, axis=1) for i in range(6)]
    alone = [predictor.predict(picture) for picture in pictures]
    together: dict[int, Prediction] = {}

    def work(i: int) -> None:
        together[i] = predictor.predict(pictures[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[i] for i in range(6)] == alone


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (17, 40), (1200, 33)])
def test_any_size_works(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    prediction = Predictor().predict(picture)
    assert all(np.isfinite(head.probability) for head in prediction.heads)


def test_a_head_of_another_backbone_is_left_out_and_named(home: Path, backbone: CellBackbone, photo: Pixels) -> None:
    other = BackboneRef(name="other", fingerprint="f" * 64, dim=backbone.ref.dim)
    attach(home, other, "foreign")
    predictor = Predictor()
    (problem,) = predictor.problems
    assert problem.label == "foreign"
    assert other.fingerprint[:12] in problem.reason
    assert backbone.ref.fingerprint[:12] in problem.reason
    assert "foreign" not in {head.label for head in predictor.predict(photo).heads}
    with pytest.raises(BackboneMismatchError, match="foreign"):
        Predictor(["foreign"])


def test_a_torn_head_file_is_a_failure_of_the_registry(home: Path, backbone: CellBackbone, photo: Pixels) -> None:
    attach(home, backbone.ref, "good", "torn")
    path = Store(home).path("torn")
    path.write_bytes(path.read_bytes()[:-5])
    registry = load_registry()
    assert any("torn" in failure.reason for failure in registry.failures)
    labels = {head.label for head in Predictor(registry=registry).predict(photo).heads}
    assert "good" in labels
    assert "torn" not in labels


def test_unknown_heads_and_bad_inputs_are_errors_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UnknownHeadError):
        Predictor(["no_such_head"])
    with pytest.raises(InputError):
        Predictor().predict(tmp_path / "missing.png")


def test_heads_are_listed_in_order(home: Path, backbone: CellBackbone) -> None:
    attach(home, backbone.ref, "zz_last")
    heads: tuple[HeadFile, ...] = Predictor().heads
    assert heads[-1].label == "zz_last"
    assert os.fspath(Store(home).path("zz_last")).endswith("zz_last.safetensors")


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def test_a_thin_picture_is_limited_by_what_it_becomes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distortion_heads.io.small_files.DEFAULT_MAX_PIXELS", 100_000)
    predictor = Predictor(["jpeg"], max_pixels=100_000)
    with pytest.raises(ImageTooLargeError, match="padded"):
        predictor.predict(noise(48, 2000))
    predictor.predict(noise(48, 300))


@pytest.mark.parametrize("threads", [1, 2])
def test_many_pictures_are_predicted_as_one_by_one(
    threads: int, photo: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, a broken one in its place, and twice the same; small and large ones, few and more than few."""
    monkeypatch.setattr("distortion_heads.pipeline.BESIDE_PIXELS", 150_000)
    monkeypatch.setattr("distortion_heads.pipeline.FEW", 4)
    sources: list[Path | Pixels] = []
    for i, shape in enumerate([(300, 400), (300, 400), (256, 256), (640, 300), (300, 400), (256, 300), (300, 300)]):
        sources.append(tmp_path / f"{i}.png")
        Image.fromarray(np.roll(photo, 31 * i, axis=1)[: shape[0], : shape[1]]).save(tmp_path / f"{i}.png")
    sources[2:2] = [tmp_path / "missing.png", photo]
    predictor = Predictor(threads=threads)
    results = list(predictor.predict_many(sources))
    assert isinstance(results[2], InputError)
    others = [result for i, result in enumerate(results) if i != 2]
    assert others == [predictor.predict(source) for i, source in enumerate(sources) if i != 2]
    assert [repr(r) for r in predictor.predict_many(sources)] == [repr(r) for r in results]


def test_small_pictures_are_evaluated_side_by_side_with_one_thread_each(
    photo: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, together, threads = OnnxEngine.moments, threading.Barrier(2, timeout=60), list[int | None]()

    def wait_for_another(engine: OnnxEngine, pixels: Pixels) -> NDArray[np.float32]:
        threads.append(engine._threads)
        together.wait()  # passes only if two are in work
        return run(engine, pixels)

    monkeypatch.setattr(OnnxEngine, "moments", wait_for_another)
    predictor = Predictor(["jpeg"], threads=2)
    results = list(predictor.predict_many([photo[:256, :256]] * (FEW + 4)))
    assert not [result for result in results if isinstance(result, Exception)]
    assert threads == [2] * FEW + [1] * 4
    monkeypatch.setattr("distortion_heads.pipeline.BESIDE_PIXELS", 1)  # they are large now, and one at a time
    monkeypatch.setattr(OnnxEngine, "moments", run)
    assert list(predictor.predict_many([photo[:256, :256]])) == results[:1]


def test_a_backbone_for_many_threads_is_opened_once_and_without_its_file(tmp_path: Path) -> None:
    bundled = bundled_backbone()
    files = {"weights": tmp_path / "b.safetensors", "graph": tmp_path / "b.onnx"}
    for name, file in files.items():
        file.write_bytes(getattr(bundled, name).read_bytes())
    backbone = load_backbone(replace(bundled, **files), threads=2)
    for file in files.values():
        file.unlink()
    with ThreadPoolExecutor(4) as pool:
        engines = {id(found._engine) for found in pool.map(lambda _: backbone.side_by_side(), range(8))}
    assert len(engines) == 1
    beside = backbone.side_by_side()
    assert beside.side_by_side()._engine is beside._engine
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    np.testing.assert_array_equal(beside.features(pixels, "native"), backbone.features(pixels, "native"))


def test_a_picture_that_cannot_be_evaluated_leaves_the_others_alone(
    photo: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = OnnxEngine.moments

    def fail_on_black(engine: OnnxEngine, pixels: Pixels) -> NDArray[np.float32]:
        if pixels.max() < 16:
            raise MemoryError
        return run(engine, pixels)

    monkeypatch.setattr(OnnxEngine, "moments", fail_on_black)
    predictor = Predictor(["jpeg"])
    for pictures in ([photo] * 10, [photo[:200, :200]] * 10):
        results = list(predictor.predict_many([*pictures, pictures[0] // 16, *pictures]))
        assert isinstance(results.pop(10), MemoryError)
        assert results == [predictor.predict(pictures[0])] * 20


def test_few_windows_are_said_to_be_few(photo: Pixels) -> None:
    predictor, big = Predictor(["jpeg", "smoke"]), np.tile(photo, (3, 3, 1))
    everything, few = predictor.predict(big), predictor.predict(big, most_windows=4)
    assert (everything.windows, everything.fast) == (88, False)
    assert (few.windows, few.fast) == (4, True)
    assert few.heads[1] == everything.heads[1]  # smoke reads the overview, which is all there
    (among_many,) = predictor.predict_many([big], most_windows=4)
    assert among_many == few


def test_batches_of_the_torch_engine_agree_with_onnx(photo: Pixels) -> None:
    pytest.importorskip("torch")
    pictures = [np.roll(photo, 29 * i, axis=0) for i in range(3)] + [photo[:300]]
    ours, theirs = Predictor(), Predictor(device="torch")
    for one, other in zip(ours.predict_many(pictures), theirs.predict_many(pictures), strict=True):
        assert isinstance(one, Prediction)
        assert isinstance(other, Prediction)
        assert (one.width, one.height, one.windows) == (other.width, other.height, other.windows)
        for a, b in zip(one.heads, other.heads, strict=True):
            assert a.probability == pytest.approx(b.probability, abs=2e-4)


@pytest.mark.parametrize(("beside", "most"), [(0, 0), (10**6, 4)])
def test_a_picture_is_let_go_before_the_next_is_asked_for(
    beside: int, most: int, photo: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two large ones would be held at once; of small ones those are held that are evaluated side by side."""
    monkeypatch.setattr("distortion_heads.io.decode_ahead.MAX_PIXELS", 1)
    monkeypatch.setattr("distortion_heads.pipeline.BESIDE_PIXELS", beside)
    held: list[weakref.ref[Pixels]] = []
    alive: list[int] = []

    def load(source: Pixels, *, max_pixels: int) -> Loaded:
        alive.append(sum(ref() is not None for ref in held))
        pixels = source.copy()
        held.append(weakref.ref(pixels))
        return Loaded(pixels=pixels)

    monkeypatch.setattr("distortion_heads.io.decode_ahead.load_image_with_notes", load)
    for _ in Predictor(["jpeg"], threads=2).predict_many([photo[:256, :256]] * 12):
        pass
    assert len(alive) == 12
    assert max(alive) <= most


def overflowing(head: HeadFile) -> HeadFile:
    """Return the head with weights that are finite, and so large that its answer is no number."""
    layer = head.layers[0]
    signs = np.where(np.arange(layer.weight.size).reshape(layer.weight.shape) % 2, -3e38, 3e38)
    return replace(head, layers=(replace(layer, weight=signs.astype(np.float32)), *head.layers[1:]))


def test_a_head_that_overflows_is_left_out(photo: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DHEADS_HOME", str(tmp_path))
    ref = read_backbone(bundled_backbone().weights).ref
    sound = make_head("sound", dim=ref.dim, hidden=(32,), backbone=ref)
    Store(tmp_path).save(sound, overwrite=True)
    bad = overflowing(replace(sound, label="bighead"))
    (tmp_path / "heads" / "bighead.safetensors").write_bytes(dump_head(bad, "float32"))
    prediction = Predictor(["jpeg", "bighead", "sound"]).predict(photo)
    assert [head.label for head in prediction.heads] == ["jpeg", "sound"]
    assert prediction.heads == Predictor(["jpeg", "sound"]).predict(photo).heads
    assert [note for note in prediction.notes if "bighead" in note] == [
        "head 'bighead' overflows on this image and is left out: remove it or train it again"
    ]
    with pytest.raises(HeadTensorError, match="'bighead' overflows"):
        Predictor(["bighead"]).predict(photo)
    frame, _ = Predictor(["jpeg", "bighead"]).predict_frame(photo)
    assert [(head.label, head.probability > 0) for head in frame.heads][1] == ("bighead", False)
    assert any("bighead" in note for note in frame.notes)
