"""Networks trained on records: the backbones, what is written, and what reads it."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads._system.atomic import write_atomic
from distortion_heads.backbones.architecture import Architecture, Conv
from distortion_heads.backbones.files import BackboneFile, is_patch_backbone, read_backbone, read_patch_backbone
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.backbones.patches import PatchBackbone
from distortion_heads.backbones.with_torch.networks import CellNetwork, PatchNetwork
from distortion_heads.datasets.record import Record
from distortion_heads.errors import BackboneError, BackboneMismatchError, DataError
from distortion_heads.evaluation.trained_networks import finetune_method
from distortion_heads.heads.file import check_backbone, dump_head, parse_head
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.backbones import find_backbone, heads_in, read_ref
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.networks.recipes import AMEUR, DHEADS, RecordRecipe
from distortion_heads.training.runs.finetune import Fitted, fit_network
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.write_backbone import write_backbone
from helpers.little_records import LABELS, little_corpus

REGISTRY = load_registry(no_plugins=True)
SMALL = {"side": 48, "stride": 16, "images_per_batch": 8}
TOY = "mobilenet_v3_small"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], list[Record]]:
    """Eight scenes to train on and four to validate with."""
    records = little_corpus(tmp_path_factory.mktemp("records")).records
    return [r for r in records if r.scene < "s08"], [r for r in records if r.scene >= "s08"]


def site(folder: Path, parts: Sequence[Sequence[Record]]) -> TrainingJob:
    hashes = content_hashes([record.path for part in parts for record in part])
    return TrainingJob(
        run=folder,
        backbones=folder / "backbone",
        cache=FeatureCache(folder / "cache"),
        hashes=hashes,
        registry=REGISTRY,
    )


def fitted(folder: Path, parts: tuple[list[Record], list[Record]], **choice: Any) -> Fitted:
    return fit_network(NetworkChoice(**choice), site(folder, parts), *parts, LABELS)


def toy(recipe: RecordRecipe = DHEADS, **changes: Any) -> PatchNetwork:
    network = open_trainable(TOY, "none", replace(recipe, **{**SMALL, **changes}), REGISTRY)
    assert isinstance(network, PatchNetwork)
    return network


def test_frozen_random_features_tell_grain_and_the_run_predicts(tmp_path: Path, parts: Any) -> None:
    recipe = replace(DHEADS, **SMALL, epochs=15, rate=3e-3)
    result = fitted(tmp_path, parts, backbone=TOY, weights="none", recipe=recipe)
    assert {head.label for head in result.heads} == set(LABELS)
    assert {head.license for head in result.heads} == {"unspecified"}  # they are of whoever trained them
    aurocs = {head.label: head.metrics.auroc or 0.0 for head in result.heads}
    assert min(aurocs.values()) > 0.7, aurocs  # the weights are random
    (tmp_path / "heads").mkdir()
    for head in result.heads:
        write_atomic(tmp_path / "heads" / f"{head.label}.safetensors", dump_head(head))
    predictor = Predictor(registry=heads_in(tmp_path), backbone=find_backbone(str(tmp_path), REGISTRY))
    assert predictor.problems == ()
    record = parts[1][0]
    probabilities = {head.label: head.probability for head in predictor.predict(record.path).heads}
    expected = dict(zip(LABELS, result.judge().probabilities([record])[0], strict=True))
    assert probabilities == pytest.approx(expected, abs=2e-3)  # features are kept as float16


def test_the_papers_recipe_gives_heads_of_three_layers_without_calibration(tmp_path: Path, parts: Any) -> None:
    recipe = replace(AMEUR, **SMALL, epochs=2, hidden=(16, 16))
    result = fitted(tmp_path, parts, backbone=TOY, weights="none", recipe=recipe)
    for head in result.heads:
        assert [layer.activation for layer in head.layers] == ["relu", "relu", "identity"]
        assert (head.threshold.value, head.calibration.method, head.outputs) == (0.5, "none", ("presence",))


def test_a_majority_is_the_share_of_windows_that_fire(tmp_path: Path, parts: Any) -> None:
    recipe = replace(AMEUR, **SMALL, epochs=2, hidden=(16,), pooling="majority")
    result = fitted(tmp_path, parts, backbone=TOY, weights="none", recipe=recipe)
    windows = result.features.of(parts[1], "native")
    probabilities = result.judge().probabilities(parts[1])
    for row, features in enumerate(windows):
        for column, head in enumerate(result.heads):
            x = features.astype(np.float32)
            for layer in head.layers:
                x = x @ layer.weight.T + layer.bias
                x = np.maximum(x, 0) if layer.activation == "relu" else x
            assert probabilities[row, column] == pytest.approx((x[:, 0] > 0).mean(), abs=1e-6)


@pytest.mark.parametrize("finetune", ["last-block", "all"])
def test_the_projects_own_backbone_is_fine_tuned(tmp_path: Path, parts: Any, finetune: Any) -> None:
    recipe = replace(DHEADS, epochs=1, images_per_batch=16, random_patches=1)
    result = fitted(tmp_path, (parts[0][:16], parts[1][:8]), backbone="dheads_small", finetune=finetune, recipe=recipe)
    before, after = read_backbone(bundled_backbone().weights), read_backbone(result.backbone.weights)
    names = [f"conv{i}.weight" for i in range(len(before.architecture.convs))]
    changed = [i for i, name in enumerate(names) if (before.tensors[name] != after.tensors[name]).any()]
    stack = before.architecture.stack
    last_reduction = max(i for i, conv in enumerate(stack) if conv.stride > 1)
    assert changed == list(range(0 if finetune == "all" else last_reduction, len(stack)))
    np.testing.assert_array_equal(before.tensors["feature_mean"], after.tensors["feature_mean"])
    assert result.heads[0].backbone == after.ref != before.ref
    with pytest.raises(BackboneMismatchError) as refused:
        check_backbone(result.heads[0], before.ref, "head")
    assert before.ref.fingerprint in str(refused.value)
    assert after.ref.fingerprint in str(refused.value)


def test_a_fine_tuned_torchvision_network_is_written_as_it_was_trained(tmp_path: Path, parts: Any) -> None:
    recipe = replace(DHEADS, **SMALL, epochs=1)
    options: dict[str, Any] = {"backbone": TOY, "weights": "none", "finetune": "last-block", "recipe": recipe}
    result = fitted(tmp_path, parts, **options)
    written = read_patch_backbone(result.backbone.weights)
    start = toy().tensors()
    changed = {name for name, value in written.tensors.items() if (value != start[name]).any()}
    last = {f"torso.{i}." for i in range(9, 13)}
    assert changed
    assert all(any(name.startswith(prefix) for prefix in last) for name in changed)
    assert not any("running" in name for name in changed)


def test_the_own_network_in_torch_is_the_one_that_predicts(photo: np.ndarray) -> None:
    network = CellNetwork(read_backbone(bundled_backbone().weights)).eval()
    pixels = photo[:256, :256]
    with torch.no_grad():
        ours = network(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]).numpy()
    theirs = open_backbone(bundled_backbone()).features(pixels, "native")
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert network.ref == read_ref(bundled_backbone())


def test_an_own_network_with_two_analysis_banks_is_fine_tuned_but_for_them(tmp_path: Path, photo: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    convs = (
        Conv(inputs=3, outputs=6, stride=2, level=True),
        Conv(inputs=6, outputs=5, level=True),
        Conv(inputs=1, outputs=3, kernel=5, level=True, analysis=True),
        Conv(inputs=3, outputs=4, kernel=7, stride=4, level=True, analysis=True),
    )
    architecture = Architecture(convs=convs)
    tensors: dict[str, Any] = {"feature_mean": np.zeros(architecture.dim), "feature_scale": np.ones(architecture.dim)}
    for i, c in enumerate(convs):
        tensors[f"conv{i}.weight"] = rng.normal(0, 0.2, (c.outputs, c.inputs, c.kernel, c.kernel))
        tensors[f"conv{i}.bias"] = np.zeros(c.outputs)
    tensors = {name: value.astype(np.float32) for name, value in tensors.items()}
    network = CellNetwork(BackboneFile(name="two_banks", architecture=architecture, tensors=tensors, info={}))
    network.unfreeze("all")
    trained = {name.split(".")[1] for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trained == {"0", "1"}
    spec = write_backbone(network, tmp_path, {})
    pixels = photo[:256, :256]
    with torch.no_grad():
        ours = network(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]).numpy()
    np.testing.assert_allclose(ours, open_backbone(spec).features(pixels, "native"), atol=2e-3)


@pytest.mark.parametrize("tail", ["moments", "maxpool"])
def test_both_engines_agree_on_a_patch_backbone(tmp_path: Path, photo: np.ndarray, tail: Any) -> None:
    network = toy(replace(DHEADS, tail=tail), side=64, stride=100)
    spec = write_backbone(network, tmp_path, {})
    on_cpu, in_torch = open_backbone(spec, threads=1), open_backbone(spec, device="torch")
    assert isinstance(on_cpu, PatchBackbone)
    assert on_cpu.ref == network.ref
    ours, theirs = on_cpu.features(photo, "native"), in_torch.features(photo, "native")
    assert ours.shape == (4 * 5, network.dim)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)
    assert on_cpu.features(photo, "native", max_windows=3).shape == (3, network.dim)
    assert on_cpu.features(photo, "overview").shape == (1, network.dim)


def test_the_graph_holds_no_weights(tmp_path: Path) -> None:
    spec = write_backbone(toy(), tmp_path, {})
    sizes = [Path(str(file)).stat().st_size for file in (spec.weights, spec.graph)]
    assert sizes[1] < 100_000 < sizes[0]


def test_random_weights_are_the_same_every_time_and_settled() -> None:
    first, second = toy(), toy()
    assert first.ref == second.ref
    with torch.no_grad():
        out = first.eval()(torch.randint(0, 256, (4, 3, 48, 48), dtype=torch.uint8))
    assert 1e-3 < float(out.std()) < 1e3


def test_weights_come_from_a_classifiers_file_of_either_format(tmp_path: Path) -> None:
    from safetensors.torch import save_file
    from torchvision.models import get_model

    torch.manual_seed(7)
    state = get_model(TOY, weights=None).state_dict()
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    refs = [open_trainable(TOY, str(tmp_path / f), DHEADS, REGISTRY).ref for f in ("a.pth", "a.safetensors")]
    assert refs[0] == refs[1] != toy().ref
    network = open_trainable(TOY, str(tmp_path / "a.pth"), DHEADS, REGISTRY)
    np.testing.assert_array_equal(network.tensors()["torso.0.0.weight"], state["features.0.0.weight"].numpy())


def test_weights_come_from_a_backbone_file(tmp_path: Path) -> None:
    network = toy()
    spec = write_backbone(network, tmp_path, {})
    again = open_trainable(TOY, str(spec.weights), replace(DHEADS, **SMALL), REGISTRY)
    assert again.ref == network.ref


def test_old_names_in_densenet_files_are_read(tmp_path: Path) -> None:
    from torchvision.models import get_model

    state = get_model("densenet121", weights=None).state_dict()
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value for key, value in state.items()}
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "old.pth")
    network = open_trainable("densenet121", str(tmp_path / "old.pth"), replace(DHEADS, **SMALL), REGISTRY)
    name = "denseblock1.denselayer1.norm1.weight"
    np.testing.assert_array_equal(network.tensors()[f"torso.{name}"], state[f"features.{name}"].numpy())


class Attack:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def test_a_file_of_weights_runs_no_code(tmp_path: Path) -> None:
    torch.save({"features.0.0.weight": Attack(tmp_path / "owned")}, tmp_path / "evil.pth")
    with pytest.raises(DataError, match=r"evil\.pth holds more than weights"):
        open_trainable(TOY, str(tmp_path / "evil.pth"), DHEADS, REGISTRY)
    assert not (tmp_path / "owned").exists()


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    (tmp_path / "torn.pth").write_bytes(b"PK\x03\x04 torn")
    for file, message in (("other.pth", "lacks"), ("torn.pth", "cannot be read as weights"), ("none.pth", "no such")):
        with pytest.raises(DataError, match=message):
            open_trainable(TOY, str(tmp_path / file), DHEADS, REGISTRY)


def test_an_unknown_backbone_is_named_with_one_that_is_like_it() -> None:
    with pytest.raises(DataError, match="did you mean densenet169"):
        open_trainable("densenet196", None, DHEADS, REGISTRY)
    with pytest.raises(DataError, match="no plain stack of convolutions"):
        open_trainable("vit_b_16", "none", DHEADS, REGISTRY)


def test_without_a_network_the_download_fails_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        DataError, match=r"cannot be downloaded .*fetch https://\S+\.pth .*--weights FILE\.pth"
    ) as failed:
        open_trainable(TOY, None, DHEADS, REGISTRY)
    assert "\n" not in str(failed.value)
    assert capsys.readouterr().out == ""


def test_a_damaged_patch_backbone_is_refused(tmp_path: Path) -> None:
    spec = write_backbone(toy(), tmp_path, {})
    assert is_patch_backbone(spec.weights)
    data = Path(str(spec.weights)).read_bytes()
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(data[:-100])
    with pytest.raises(BackboneError, match="damaged"):
        read_patch_backbone(torn)
    from distortion_heads.backbones.files import dump_patch_backbone

    tensors = {**toy().tensors(), "patch": np.array([0, 16], np.float32)}
    torn.write_bytes(dump_patch_backbone("x", 3, {}, tensors, {}))
    with pytest.raises(BackboneError, match="impossible patch size"):
        open_backbone(BackboneSpec(name="x", weights=torn, graph=spec.graph))


def test_a_method_is_fitted_and_judges(tmp_path: Path, parts: Any) -> None:
    cache = FeatureCache(tmp_path / "cache")
    method = finetune_method("ameur", backbone=TOY, weights="none", epochs=1, side=48, stride=16, cache=cache)
    work = tmp_path / "work"
    judge = method.fit(*parts, LABELS, seed=1, work=work)
    assert judge.probabilities(parts[1]).shape == (len(parts[1]), len(LABELS))
    np.testing.assert_array_equal(judge.thresholds, 0.5)
    again = method.fit(*parts, LABELS, seed=1, work=work)
    np.testing.assert_array_equal(again.probabilities(parts[1]), judge.probabilities(parts[1]))
    assert method.key != finetune_method("ameur", backbone=TOY, weights="none", epochs=2).key


def test_a_method_that_starts_from_installed_weights_is_another_with_other_weights() -> None:
    before = finetune_method("finetune-all", registry=REGISTRY)
    assert str(before.backbone) == str(read_ref(bundled_backbone()))  # type: ignore[attr-defined]
    other = replace(before, backbone=replace(before.backbone, fingerprint="0" * 64))  # type: ignore[type-var, attr-defined]
    assert before.key != other.key  # or the repetitions of the old weights would be taken for the new ones'
    assert before.key != finetune_method("finetune-all", registry=REGISTRY, finetune="last-block").key


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epochs": 0}, "epochs=0 cannot be: a whole number of at least 1"),
        ({"images_per_batch": 2.5}, "a whole number"),
        ({"dropout": 1.0}, "a number of at least 0 and below 1"),
        ({"rate": float("nan")}, "a number of at least 0"),
        ({"rate": "fast"}, "a number of at least 0"),
        ({"precision": "int8"}, "one of auto, float32, bfloat16"),
        ({"severity": 1}, "one of false, true"),
        ({"finetune": "some"}, "finetune=some is none of frozen, last-block, all"),
    ],
)
def test_values_that_cannot_be_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        finetune_method("ameur", registry=REGISTRY, weights="none", **options)


@pytest.mark.parametrize(("name", "options"), [("unknown", {}), ("ameur", {"epocs": 2}), ("ameur", {"seed": 2})])
def test_wrong_methods_and_options_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"unknown|epocs|seed"):
        finetune_method(name, **options)


def test_the_towers_of_the_paper_fit_into_a_head_file() -> None:
    from distortion_heads.heads.head import Calibration, HeadFile, HeadMetrics, Provenance, Threshold
    from distortion_heads.spec import BackboneRef
    from distortion_heads.training.networks.towers import Towers

    dim = 2048 * 9
    head = HeadFile(
        label="blur",
        title="Blur",
        family="blur",
        license="Apache-2.0",
        created_with="test",
        view="native",
        backbone=BackboneRef(name="resnet50", fingerprint="0" * 64, dim=dim),
        layers=Towers(dim, 1, AMEUR.hidden, severity=False).layers(0),
        outputs=("presence",),
        calibration=Calibration(),
        threshold=Threshold(),
        metrics=HeadMetrics(split="", n=0),
        provenance=Provenance(data="", data_sha256="", n_pos=0, n_neg=0, seed=0, command=""),
    )
    assert parse_head(dump_head(head), "test").layers[0].weight.shape == (512, dim)
