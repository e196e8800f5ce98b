from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.backbones.architecture import MEAN_FLOOR, QUIET, VARIANCE_FLOOR
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.files import MAX_FILE_BYTES, BackboneFile, dump_backbone, fingerprint, read_backbone
from distortion_heads.backbones.onnx import OnnxEngine
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.backbones.read_views import view_features
from distortion_heads.errors import BackboneError
from distortion_heads.spec import BackboneSpec
from distortion_heads.views.units import CELL, FEATURE_LIMIT, LUMA_PARTS
from distortion_heads.views.windows import Window, native_view, native_windows, spread

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def file() -> BackboneFile:
    return read_backbone(bundled_backbone().weights)


def distorted(photo: Pixels) -> list[Pixels]:
    """Pictures at the edges of what there is: the photo, black, white, noise, stripes."""
    rng = np.random.default_rng(0)
    stripes = np.zeros_like(photo)
    stripes[:, ::2] = 255
    noise = rng.integers(0, 256, photo.shape, dtype=np.uint8)
    return [photo, np.zeros_like(photo), np.full_like(photo, 255), noise, stripes]


def test_both_engines_agree_on_every_feature(photo: Pixels, backbone: CellBackbone) -> None:
    pytest.importorskip("torch")
    torch_backbone = load_backbone(bundled_backbone(), device="torch")
    for picture in distorted(photo):
        for view in ("native", "overview"):
            ours, theirs = (view_features(b, picture, view) for b in (backbone, torch_backbone))  # type: ignore[arg-type]
            np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=0)


def test_no_feature_is_further_out_than_the_limit(photo: Pixels, backbone: CellBackbone) -> None:
    for picture in distorted(photo):
        assert np.abs(view_features(backbone, picture, "native")).max() <= FEATURE_LIMIT


def test_no_feature_is_below_the_normal_range(photo: Pixels, backbone: CellBackbone) -> None:
    """Dead channels have means of 1e-44; products with such numbers take many times as long."""
    features = np.abs(backbone.features(photo, "native"))
    assert features[features > 0].min() > np.finfo(np.float32).tiny


def test_features_are_mean_and_deviation_of_the_levels(
    photo: Pixels, backbone: CellBackbone, file: BackboneFile
) -> None:
    """Against a direct evaluation in float64 of one window."""
    torch = pytest.importorskip("torch")
    nn = torch.nn.functional
    picture = torch.from_numpy(photo[:256, :256].astype(np.float64)).permute(2, 0, 1)[None] * (4 / 255) - 2
    features, x, means, deviations = view_features(backbone, photo[:256, :256], "native")[0], picture, [], []
    for i, conv in enumerate(file.architecture.convs):
        weight, bias = (torch.from_numpy(file.tensors[f"conv{i}.{n}"].astype(np.float64)) for n in ("weight", "bias"))
        if conv.analysis:
            parts = torch.tensor(LUMA_PARTS, dtype=torch.float64)[:, None, None] / sum(LUMA_PARTS)
            source = (picture * parts).sum(1, keepdim=True) if conv.inputs == 1 else picture
            reflected = nn.pad(source, (conv.kernel // 2,) * 4, mode="reflect")
            x = (nn.conv2d(reflected, weight, bias, conv.stride).abs() - QUIET).relu()
        else:
            x = nn.conv2d(x, weight, bias, conv.stride, conv.kernel // 2).relu()
        if conv.level:
            mean = x.mean((2, 3))[0]
            means.append((mean + MEAN_FLOOR).log() if conv.analysis else mean)
            deviations.append((x.var((2, 3), unbiased=False) + VARIANCE_FLOOR).sqrt().log()[0])
    raw = torch.cat(means + deviations).numpy()
    expected = (raw - file.tensors["feature_mean"]) / file.tensors["feature_scale"]
    np.testing.assert_allclose(features, np.clip(expected, -FEATURE_LIMIT, FEATURE_LIMIT), atol=2e-4)


def test_tiles_change_nothing(photo: Pixels, backbone: CellBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    big = np.tile(photo, (3, 2, 1))[:1100, :1000]  # not of whole cells
    at_once = backbone.features(big, "native")
    monkeypatch.setattr("distortion_heads.backbones.cells.TILE_CELLS", 18**2)
    np.testing.assert_allclose(backbone.features(big, "native"), at_once, atol=1e-4, rtol=0)
    cells = backbone.cells(native_view(big))
    windows = native_windows(cells.rows, cells.columns)
    np.testing.assert_allclose(backbone.pool(cells, windows), at_once, atol=1e-4, rtol=0)


def test_tiles_of_a_picture_are_bounded(backbone: CellBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    engine = backbone._engine
    run = engine.moments
    monkeypatch.setattr(engine, "moments", lambda pixels: seen.append(pixels[..., 0].size) or run(pixels))
    monkeypatch.setattr("distortion_heads.backbones.cells.TILE_CELLS", 400)
    backbone.features(np.zeros((900, 1400, 3), np.uint8), "native")
    assert len(seen) > 1
    assert max(seen) <= 400 * CELL**2


def test_few_windows_are_run_as_pictures_of_their_own(photo: Pixels, backbone: CellBackbone) -> None:
    big = np.tile(photo, (4, 4, 1))
    canvas = native_view(big)
    chosen = spread(canvas.rows, canvas.columns, 3)
    alone = [backbone.features(np.ascontiguousarray(canvas.crop(window)), "native") for window in chosen]
    assert len(alone) == 3
    np.testing.assert_array_equal(backbone.features(big, "native", max_windows=3), np.concatenate(alone))


def test_few_windows_of_a_small_picture_are_those_among_all(photo: Pixels, backbone: CellBackbone) -> None:
    canvas = native_view(photo)
    windows = native_windows(canvas.rows, canvas.columns)
    kept = [windows.index(window) for window in spread(canvas.rows, canvas.columns, len(windows) - 1)]
    chosen = backbone.features(photo, "native", max_windows=len(windows) - 1)
    np.testing.assert_array_equal(chosen, backbone.features(photo, "native")[kept])


def test_another_turn_reads_other_windows(photo: Pixels, backbone: CellBackbone) -> None:
    big = np.tile(photo, (4, 4, 1))
    first, second = (backbone.features(big, "native", max_windows=3, frame_index=turn) for turn in (0, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, backbone.features(big, "native", max_windows=3))


@pytest.mark.parametrize(("size", "stride"), [(256, 128), (128, 32), (64, 64), (384, 96)])
def test_any_window_and_stride_without_running_the_engine_again(
    photo: Pixels, backbone: CellBackbone, monkeypatch: pytest.MonkeyPatch, size: int, stride: int
) -> None:
    cells = backbone.cells(photo)
    monkeypatch.setattr(backbone._engine, "moments", None)
    windows = native_windows(cells.rows, cells.columns, size, stride)
    features = backbone.pool(cells, windows)
    assert features.shape == (len(windows), backbone.ref.dim)
    for i in (0, len(windows) // 2, len(windows) - 1):
        alone = backbone.pool(cells, [windows[i]])
        np.testing.assert_allclose(features[i], alone[0], atol=1e-6)


def test_windows_of_any_size_come_from_the_same_cells(photo: Pixels, backbone: CellBackbone) -> None:
    cells = backbone.cells(photo)
    whole = backbone.pool(cells, [Window(top=0, bottom=12, left=0, right=16)])
    halves = [Window(top=0, bottom=12, left=0, right=8), Window(top=0, bottom=12, left=8, right=16)]
    both = cells.means(halves).mean(0)
    np.testing.assert_allclose(both, cells.means([Window(top=0, bottom=12, left=0, right=16)])[0], atol=1e-9)
    assert whole.shape == (1, backbone.ref.dim)
    assert whole.dtype == np.float32


def test_cells_are_local(photo: Pixels, backbone: CellBackbone) -> None:
    """A change in one corner leaves the cells beyond the receptive field as they were."""
    wide = np.tile(photo, (1, 2, 1))
    changed = wide.copy()
    changed[:CELL, :CELL] = 255 - changed[:CELL, :CELL]
    far = Window(top=0, bottom=12, left=20, right=32)
    np.testing.assert_allclose(backbone.cells(wide).means([far]), backbone.cells(changed).means([far]), atol=1e-9)


def test_the_largest_picture_is_each_engines_own(file: BackboneFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is freed once for each new size, also where threads come with pictures of one size at a time."""
    graph = bundled_backbone().graph.read_bytes()
    first, second = (OnnxEngine(graph, file.tensors, threads=1) for _ in range(2))
    monkeypatch.setattr("distortion_heads.backbones.onnx.LARGE", 0)
    freed: list[OnnxEngine] = []
    monkeypatch.setattr(OnnxEngine, "_free_memory", lambda engine: freed.append(engine))
    third = OnnxEngine(graph, file.tensors, threads=1)
    pixels = np.zeros((64, 96, 3), np.uint8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(third.moments, [pixels] * 16))
    assert freed == [third]
    for engine in (first, second):
        engine.moments(pixels)
    assert freed == [third]
    third.moments(np.zeros((96, 96, 3), np.uint8))
    assert freed == [third, third]


def test_fingerprint_depends_on_names_shapes_and_bytes_but_not_on_order() -> None:
    a, b = np.arange(6, dtype=np.float32), np.ones((2, 3), np.float32)
    base = fingerprint({"a": a, "b": b})
    assert base == fingerprint({"b": b, "a": a})
    assert (
        len(
            {
                base,
                fingerprint({"a": a, "c": b}),
                fingerprint({"a": a + 1, "b": b}),
                fingerprint({"a": a.reshape(2, 3), "b": b}),
            }
        )
        == 4
    )


def test_the_file_round_trips(file: BackboneFile, tmp_path: Path) -> None:
    path = tmp_path / "b.safetensors"
    path.write_bytes(dump_backbone(file.name, file.architecture, file.tensors, file.info))
    again = read_backbone(path)
    assert (again.ref, again.architecture, again.info) == (file.ref, file.architecture, file.info)


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "extra", "nan", "schema"])
def test_damaged_files_are_refused(file: BackboneFile, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "b.safetensors"
    tensors = dict(file.tensors)
    if damage == "extra":
        tensors["more"] = np.zeros(1, np.float32)
    if damage == "nan":
        tensors["conv0.bias"] = np.full_like(tensors["conv0.bias"], np.nan)
    data = dump_backbone(file.name, file.architecture, tensors, {})
    if damage == "truncated":
        data = data[: len(data) // 2]
    if damage == "text":
        data = b"hello"
    if damage == "schema":
        data = data.replace(b"dheads-backbone/2", b"dheads-backbone/9")
    if damage != "missing":
        path.write_bytes(data)
    with pytest.raises(BackboneError):
        read_backbone(path)


def test_a_file_of_gigabytes_is_refused_unread(file: BackboneFile, tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    path.write_bytes(dump_backbone("large", file.architecture, file.tensors, {}))
    with path.open("r+b") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no room
    with pytest.raises(BackboneError, match="larger than 2048 MiB"):
        read_backbone(path)


def test_a_damaged_graph_is_refused(file: BackboneFile) -> None:
    with pytest.raises(BackboneError, match="graph"):
        OnnxEngine(b"not a graph", file.tensors)


def test_a_missing_graph_is_refused(tmp_path: Path) -> None:
    bundled = bundled_backbone()
    with pytest.raises(BackboneError, match="graph"):
        load_backbone(BackboneSpec(name="x", weights=bundled.weights, graph=tmp_path / "none.onnx"))


def test_an_unknown_device_is_refused() -> None:
    pytest.importorskip("torch")
    with pytest.raises(BackboneError, match="warp"):
        load_backbone(bundled_backbone(), device="warp")


def test_the_graph_holds_no_weights() -> None:
    assert len(bundled_backbone().graph.read_bytes()) < 64 * 1024
