"""From a user's pictures to an attached head; and that whatever goes wrong is said early and changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import distortion_heads
from distortion_heads.errors import (
    DataError,
    DheadsError,
    InvalidLabelError,
    LabelTakenError,
    MissingExtraError,
    StoreError,
)
from distortion_heads.heads.file import read_head
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.registry.discovery import USER, LoadedPlugins, register
from distortion_heads.registry.guarded import Guarded
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import HeadSpec
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.heads.add_head import AddedHead, AddHeadRequest, train_and_attach
from distortion_heads.training.heads.train_head import weakness
from helpers.little_pictures import (
    DARK,
    GRAIN,
    PLUGIN,
    HeadsPlugin,
    noisy,
    registry,
    save,
    scene,
    spec,
    write_clean,
    write_folder,
)

NOWHERE = Path("nowhere")


@dataclass(frozen=True)
class Trained:
    """One head trained on 24 noisy and 24 clean scenes, for several tests."""

    data: Path
    store: Store
    cache: FeatureCache
    added: AddedHead
    calls: list[tuple[str, int, int]]


def attached(store: Store, *heads: HeadSpec) -> Registry:
    """A plugin with `heads`, and the user's own."""
    loaded = LoadedPlugins(plugins=(register(HeadsPlugin(*heads), PLUGIN),), failures=())
    return build_registry(user_heads=store.user_plugin(), loaded=loaded)


def add_head(
    label: str, *, store: Store, registry: Registry, cache: FeatureCache | None = None, **options: Any
) -> AddedHead:
    progress = options.pop("progress", None)
    return train_and_attach(AddHeadRequest(label=label, **options), store, registry, cache=cache, progress=progress)


def no_decoding(*_: object, **__: object) -> None:
    raise AssertionError("decoded a picture")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    data = write_folder(folder / "my photos", "grainy")
    save(data / "clean" / "again.png", scene(0))
    store, cache = Store(folder / "home"), FeatureCache(folder / "cache")
    calls: list[tuple[str, int, int]] = []
    added = add_head(
        "grainy", data=data, store=store, registry=registry(), cache=cache, progress=lambda *call: calls.append(call)
    )
    return Trained(data, store, cache, added, calls)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, few_draws: None) -> None:
    """Where the quality of the head does not matter."""
    from distortion_heads.training.heads import fit_layers as fit

    monkeypatch.setattr(fit, "MIN_STEPS", 20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "own")


def test_head_is_saved_with_what_was_measured(trained: Trained) -> None:
    added = trained.added
    assert added.path == trained.store.path("grainy")
    assert read_head(added.path).metrics == added.head.metrics
    assert added.head.metrics.n == added.hold.examples
    assert (added.fit.pictures, added.hold.pictures, added.folds, added.rivals) == (48, 48, 5, 0)
    assert added.head.metrics.split == "5-fold cross-validation by scene"
    assert added.spread.auroc is not None
    assert added.spread.auroc[0] <= added.head.metrics.auroc <= added.spread.auroc[1] == 1
    assert (added.spread.clean.total, added.spread.others.total) == (24, 0)
    assert added.seconds > 0
    assert added.head.metrics.auroc is not None
    assert added.head.metrics.auroc > 0.95
    assert added.head.metrics.fpr_clean is not None
    assert (added.head.title, added.head.family, added.head.view) == ("Grainy", "other", "native")
    assert added.head.outputs == ("presence",)
    assert added.head.license == "unspecified"
    assert trained.calls[47] == ("features", 48, 48)
    assert trained.calls[-1] == ("fit", 1, 1)


def test_provenance_is_complete_and_names_no_place_on_this_machine(trained: Trained) -> None:
    provenance = trained.added.head.provenance
    assert provenance.data == "my photos"
    assert (provenance.n_pos, provenance.n_neg, provenance.seed) == (24, 24, 0)
    assert len(bytes.fromhex(provenance.data_sha256)) == 32
    assert provenance.command == "dheads add-head grainy --data 'my photos' --view native --seed 0"
    assert {"distortion-heads", "numpy", "scikit-learn", "onnxruntime"} <= provenance.versions.keys()
    texts = {field.name: getattr(provenance, field.name) for field in fields(provenance)}
    assert str(trained.data.parent) not in json.dumps(texts, default=dict)


def test_repeated_picture_is_left_out_and_named(trained: Trained) -> None:
    assert trained.added.notes == ("pictures left out, as the same file is there under another name: 1",)


def test_head_tells_pictures_that_it_never_saw(trained: Trained, tmp_path: Path) -> None:
    predictor = Predictor(registry=attached(trained.store))
    for seed in (900, 901, 902):
        clean, grainy = (predictor.predict(pixels).heads[0] for pixels in (scene(seed), noisy(scene(seed), seed)))
        assert clean.label == "grainy"
        assert grainy.probability > clean.probability


def test_second_run_takes_features_from_the_cache_and_gives_the_same_bytes(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distortion_heads.training.features.compute.load_image", no_decoding)
    out = tmp_path / "again.safetensors"
    again = add_head(
        "grainy", data=trained.data, store=trained.store, registry=registry(), cache=trained.cache, out=out
    )
    assert again.path == out
    assert out.read_bytes() == trained.added.path.read_bytes()


@pytest.mark.usefixtures("quick")
def test_own_head_is_replaced_only_by_force(trained: Trained, store: Store) -> None:
    store.save(trained.added.head, overwrite=False)
    before = store.path("grainy").read_bytes()
    own = attached(store)
    assert own.heads["grainy"].owner.distribution == USER
    with pytest.raises(LabelTakenError, match="--force"):
        add_head("grainy", data=NOWHERE, store=store, registry=own)
    assert store.path("grainy").read_bytes() == before
    add_head("grainy", data=trained.data, store=store, registry=own, cache=trained.cache, seed=1, force=True)
    assert read_head(store.path("grainy")).provenance.seed == 1


@pytest.mark.usefixtures("quick")
def test_clean_pictures_complete_the_distortion_of_a_plugin(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = write_clean(tmp_path / "clean ones", 24)
    cache = FeatureCache(tmp_path / "cache")
    added = add_head("grain", clean=clean, store=store, registry=attached(store, GRAIN, DARK), cache=cache)
    head = added.head
    assert (head.title, head.family, head.outputs) == ("Film grain", "noise", ("presence", "severity"))
    assert (head.provenance.n_pos, added.notes) == (24, ())
    assert (head.provenance.n_neg, added.rivals) == (48, 24)
    assert added.spread.others.total == 24
    assert head.provenance.command == "dheads add-head grain --clean 'clean ones' --view native --seed 0"
    assert head.metrics.fpr_clean is not None

    completed = attached(store, GRAIN, DARK)
    assert completed.failures == ()
    made = completed.heads["grain"].spec.synthesize
    assert isinstance(made, Guarded)
    assert made.function is GRAIN.synthesize
    assert completed.heads["grain"].spec == replace(GRAIN, weights=added.path, synthesize=made)
    assert completed.heads["grain"].owner.distribution == USER
    result = Predictor(registry=completed).predict(scene(99)).heads
    assert [head.label for head in result] == ["grain"]
    assert result[0].severity is not None

    monkeypatch.setattr("distortion_heads.training.features.compute.load_image", no_decoding)
    again = add_head("grain", clean=clean, store=store, registry=completed, cache=cache, force=True)
    assert (again.head.title, again.head.provenance) == (head.title, head.provenance)


@pytest.mark.usefixtures("quick")
def test_other_label_than_that_of_the_generator(tmp_path: Path, store: Store) -> None:
    clean = write_clean(tmp_path / "clean", 20)
    added = add_head(
        "my_dark",
        clean=clean,
        synthesizer="dark",
        view="overview",
        title="Too dark",
        license="CC0-1.0",
        store=store,
        registry=registry(GRAIN, DARK),
    )
    head = added.head
    assert (head.title, head.family, head.view, head.license) == ("Too dark", "exposure", "overview", "CC0-1.0")
    assert head.provenance.command == (
        "dheads add-head my_dark --clean clean --synthesizer dark --view overview --seed 0"
        " --title 'Too dark' --license CC0-1.0"
    )


@pytest.mark.usefixtures("quick")
def test_every_option_that_decides_the_head_is_in_its_command(trained: Trained, tmp_path: Path) -> None:
    added = add_head(
        "grainy",
        data=trained.data,
        store=trained.store,
        registry=registry(),
        cache=trained.cache,
        out=tmp_path / "elsewhere.safetensors",
        seed=7,
        family="noise",
        title="Very grainy",
        license="CC0-1.0",
        max_pixels=9999,
    )
    assert added.head.provenance.command == (
        "dheads add-head grainy --data 'my photos' --view native --seed 7"
        " --title 'Very grainy' --family noise --license CC0-1.0 --max-pixels 9999"
    )


def test_threshold_spares_the_clean_pictures(trained: Trained) -> None:
    head = trained.added.head
    assert head.threshold.objective == "f1 with false alarms on clean <= 0.02"
    assert head.metrics.fpr_clean == 0.0
    assert trained.added.warning is None


@pytest.mark.usefixtures("quick")
def test_head_that_learnt_nothing_is_called_poor(tmp_path: Path, store: Store) -> None:
    """Both classes are the same kind of picture."""
    for seed in range(48):
        save(tmp_path / "data" / ("fog" if seed % 2 else "clean") / f"p{seed}q.png", scene(seed))
    added = add_head("fog", data=tmp_path / "data", store=store, registry=registry())
    auroc = added.head.metrics.auroc
    assert auroc is not None
    assert auroc < 0.8
    assert added.warning is not None
    assert added.warning.startswith(f"'fog' is a poor head (AUROC {auroc:.2f}, where chance gives 0.5; ")
    assert "give more pictures of both kinds, or try --view overview or light" in added.warning
    assert "\n" not in added.warning


@pytest.mark.parametrize(
    ("figures", "fault"),
    [
        ({"auroc": 0.79, "f1": 0.9, "fpr_clean": 0.0}, "AUROC 0.79"),
        ({"auroc": 0.9, "f1": 0.9, "fpr_clean": 0.12}, "false alarms on 12% of the clean pictures"),
        ({"auroc": 0.9, "f1": 0.4, "fpr_clean": 0.0}, "F1 0.40"),
        ({"auroc": 0.8, "f1": 0.5, "fpr_clean": 0.1}, None),
        ({"auroc": 0.9, "f1": 0.9, "fpr_clean": None}, None),
    ],
)
def test_what_makes_a_head_poor(trained: Trained, figures: dict[str, float | None], fault: str | None) -> None:
    head = trained.added.head
    found = weakness(replace(head, metrics=replace(head.metrics, **figures)))
    assert (found is None) if fault is None else (found is not None and f"({fault}" in found)


@pytest.mark.usefixtures("quick")
def test_broken_generator_of_another_plugin_costs_its_negatives_only(tmp_path: Path, store: Store) -> None:
    broken = replace(DARK, synthesize=lambda image, severity, rng: None)
    clean = write_clean(tmp_path / "clean", 24)
    added = add_head("grain", clean=clean, store=store, registry=registry(GRAIN, broken))
    assert (added.head.provenance.n_pos, added.head.provenance.n_neg) == (24, 24)
    (note,) = added.notes
    assert "negatives with another distortion are left out: the synthesizer of 'dark'" in note


@pytest.mark.usefixtures("quick")
def test_csv_without_pictures_known_to_be_clean(tmp_path: Path, store: Store) -> None:
    data = write_folder(tmp_path / "data", "grainy", 20, 20)
    rows = [
        f"data/{folder}/scene{i:03d}.png,{label},s{i}"
        for folder, label in (("grainy", 1), ("clean", 0))
        for i in range(20)
    ]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["path,label,group", *rows]))
    added = add_head("grainy", data=file, store=store, registry=registry())
    assert added.head.metrics.fpr_clean is None
    assert "no picture is known to be clean" in added.notes[0]
    assert added.head.provenance.data == "list.csv"
    assert data.is_dir()


@pytest.mark.usefixtures("quick")
def test_one_scene_is_said_in_the_head_too(tmp_path: Path, store: Store) -> None:
    data = tmp_path / "data"
    for seed in range(40):
        save(data / ("grainy" if seed < 20 else "clean") / f"a_{seed}.png", noisy(scene(0), seed))
    for folder in ("grainy", "clean"):
        save(data / folder / "a.png", noisy(scene(0), 90 + len(folder)))
    added = add_head("grainy", data=data, store=store, registry=registry())
    assert "may be too good" in added.notes[-1]
    assert added.head.metrics.split == "5-fold cross-validation by file"


def format_shortcut(root: Path) -> Path:
    """Pictures with nothing to find: those said to have rain are JPEG, the others PNG."""
    for seed in range(40):
        path = root / ("rain" if seed % 2 else "clean") / f"p{seed}q.{'jpg' if seed % 2 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy(scene(seed), seed)).save(path, quality=60)
    return root


@pytest.mark.usefixtures("quick")
def test_a_file_format_is_no_distortion(tmp_path: Path, store: Store) -> None:
    data = format_shortcut(tmp_path / "data")
    said = "all 20 pictures with rain are JPEG and all 20 without are PNG"
    learnt = add_head("rain", data=data, store=store, registry=registry(), equalize=False, out=tmp_path / "learnt")
    assert learnt.head.metrics.auroc == 1.0
    assert learnt.notes == (f"{said}: the head may learn this instead (--equalize brings all to a common form)",)
    assert learnt.head.provenance.command.endswith(" --no-equalize")

    evened = add_head("rain", data=data, store=store, registry=registry())
    form = "a common form (JPEG of quality 60)"
    assert evened.notes == (f"{said}: all were brought to {form} for training and figures",)
    assert evened.head.metrics.auroc is not None
    assert evened.head.metrics.auroc < 0.8
    assert evened.warning is not None
    with pytest.raises(DataError, match=f"--strict: {said}: give both classes in the same forms"):
        add_head("rain", data=data, store=store, registry=registry(), strict=True, out=tmp_path / "not written")
    assert not (tmp_path / "not written").exists()


@pytest.mark.usefixtures("quick")
def test_other_distortions_of_the_clean_pictures_are_negatives(trained: Trained, tmp_path: Path) -> None:
    options: dict[str, Any] = {"data": trained.data, "store": trained.store, "cache": trained.cache}
    with_rivals = add_head("grainy", registry=registry(DARK), out=tmp_path / "a", **options)
    assert (with_rivals.rivals, with_rivals.head.metrics.n, with_rivals.head.provenance.n_neg) == (24, 48, 48)
    assert with_rivals.spread.others.total == 24
    assert with_rivals.spread.others.fired == 0
    without = add_head("grainy", registry=registry(DARK), out=tmp_path / "b", rivals=False, **options)
    assert (without.rivals, without.head.provenance.n_neg) == (0, 24)
    assert without.head.provenance.command.endswith(" --no-rivals")


def test_rivals_that_are_the_distortion_itself_are_given_up(trained: Trained, tmp_path: Path) -> None:
    """The user's `grainy` is what a plugin makes under another name."""

    def synthesize(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
        return np.clip(image + rng.normal(0, 25 / 255, image.shape), 0, 1).astype(np.float32)

    same = spec("hiss", synthesize=synthesize)
    added = add_head(
        "grainy",
        data=trained.data,
        store=trained.store,
        registry=registry(replace(same, family="odd")),
        cache=trained.cache,
        out=tmp_path / "a",
    )
    assert added.rivals == 0
    assert "the pictures with grainy look like distortions of the family odd" in added.notes[-1]
    assert added.head.metrics.auroc is not None
    assert added.head.metrics.auroc > 0.95


def four_pictures(root: Path) -> None:
    write_folder(root, "fog", 2, 2)


def one_class(root: Path) -> None:
    write_folder(root, "fog", 24, 1)
    (root / "clean" / "scene000.png").unlink()
    (root / "clean").rmdir()


def same_on_both_sides(root: Path) -> None:
    write_folder(root, "fog")
    save(root / "fog" / "scene000.png", scene(0))


def too_few_that_can_be_read(root: Path) -> None:
    write_folder(root, "fog", 20, 24)
    (root / "fog" / "scene003.png").write_text("no picture")


def copies(root: Path) -> None:
    write_folder(root, "fog", 19, 24)
    save(root / "fog" / "copy.png", noisy(scene(0), 0))


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (four_pictures, "2 different positives and 2 negatives are too few"),
        (one_class, "has no sub-folder clean/ or negative/"),
        (same_on_both_sides, r"fog.scene000\.png and .*clean.scene000\.png are the same picture"),
        (too_few_that_can_be_read, r"19 .*too few; .*; 1 of 44 pictures cannot be used .*scene003\.png: not an image"),
        (copies, "19 different positives"),
    ],
)
def test_data_that_cannot_be_trained_on_change_nothing(
    tmp_path: Path, store: Store, prepare: Callable[[Path], None], message: str
) -> None:
    prepare(tmp_path / "data")
    with pytest.raises(DataError, match=message) as caught:
        add_head("fog", data=tmp_path / "data", store=store, registry=registry())
    assert "\n" not in str(caught.value)
    assert not store.home.exists()


def test_files_that_cannot_be_read_are_named_and_left_out(tmp_path: Path, store: Store) -> None:
    write_folder(tmp_path / "data", "fog")
    fog, clean = tmp_path / "data" / "fog", tmp_path / "data" / "clean"
    cut = fog / "scene007.png"
    cut.write_bytes(cut.read_bytes()[:900])
    for folder in (fog, clean):
        (folder / "empty.png").write_bytes(b"")  # on both sides, and yet not the same picture
    (clean / "shot.raf").write_bytes(b"FUJIFILMCCD-RAW 0201")
    added = add_head("fog", data=tmp_path / "data", store=store, registry=registry())
    reasons = {item.path: item.reason for item in added.unread}
    assert reasons.pop(clean / "shot.raf").startswith("cannot be read here: a raw camera file")
    assert reasons == {
        fog / "empty.png": "it is empty",
        clean / "empty.png": "it is empty",
        cut: "truncated PNG file: copy or download it again",
    }
    assert added.files == 51
    assert added.fit.pictures == 47
    assert not any("left out" in note for note in added.notes)
    assert store.home.exists()


def test_generator_that_fails_changes_nothing(tmp_path: Path, store: Store) -> None:
    def synthesize(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
        raise RuntimeError("no such lens")

    clean = write_clean(tmp_path / "clean", 20)
    with pytest.raises(DataError, match=r"20 of 20 .* the generator of 'lens' failed: RuntimeError: no such lens"):
        add_head("lens", clean=clean, store=store, registry=registry(spec("lens", synthesize=synthesize)))
    assert not store.home.exists()


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "tab\there", "\x1b[1mbold", "\udcff", "a\u2028b"])
@pytest.mark.parametrize("name", ["title", "family", "license"])
def test_text_that_no_head_file_can_hold_is_refused_first(name: str, text: str, store: Store) -> None:
    with pytest.raises(DataError, match=f"the {name} .* is not one line of printable text") as caught:
        add_head("fog", data=NOWHERE, store=store, registry=registry(), **{name: text})
    assert "\n" not in str(caught.value)


def test_limit_of_pixels(tmp_path: Path, store: Store) -> None:
    data = write_folder(tmp_path / "data", "fog", 20, 20)
    with pytest.raises(DataError, match=r"40 of 40 pictures .* 9216 pixels, above the limit of 9215: .*--max-pixels"):
        add_head("fog", data=data, store=store, registry=registry(), max_pixels=9215)
    assert not store.home.exists()


def test_thin_picture_is_refused_as_predict_does(tmp_path: Path, store: Store) -> None:
    data = write_folder(tmp_path / "data", "fog", 20, 19)
    save(data / "clean" / "thin.png", np.zeros((1_000_000, 1, 3), np.uint8))
    with pytest.raises(DataError, match=r"1 of 40 pictures .*thin\.png: 1 x 1000000 is .* once padded"):
        add_head("fog", data=data, store=store, registry=registry())


TAKEN = registry(replace(GRAIN, weights=Path("grain.safetensors")), DARK)


@pytest.mark.parametrize(
    ("label", "more", "error", "message"),
    [
        ("Fog!", {"data": NOWHERE}, InvalidLabelError, "is no identifier"),
        ("grain", {"data": NOWHERE}, LabelTakenError, r"some-plugin 1\.0 \(some\): choose another .* --out"),
        ("grain", {"data": NOWHERE, "force": True}, LabelTakenError, "some-plugin"),
        ("fog", {"data": NOWHERE}, DataError, "nowhere: no such folder or CSV file"),
        ("fog", {}, DataError, "either --data"),
        ("fog", {"data": NOWHERE, "clean": NOWHERE}, DataError, "either --data"),
        ("fog", {"data": NOWHERE, "synthesizer": "dark"}, DataError, "only with --clean"),
        ("fog", {"clean": NOWHERE}, DataError, "no plugin can make 'fog': .* one of: dark, grain"),
        ("dark", {"clean": NOWHERE, "synthesizer": "fog"}, DataError, "no plugin can make 'fog'"),
        ("dark", {"clean": NOWHERE}, DataError, "nowhere: no such folder"),
        ("fog", {"data": NOWHERE, "out": Path("no/such/folder/x")}, StoreError, "no such folder"),
        ("fog", {"data": NOWHERE, "out": Path()}, StoreError, "is a folder"),
        ("grain", {"data": NOWHERE, "out": Path("new.safetensors")}, DataError, "nowhere"),
    ],
)
def test_request_that_cannot_be_met(
    label: str, more: dict[str, Any], error: type[DheadsError], message: str, store: Store
) -> None:
    with pytest.raises(error, match=message) as caught:
        add_head(label, **more, store=store, registry=TAKEN)
    assert "\n" not in str(caught.value)
    assert not store.home.exists()


def test_existing_file_is_replaced_only_by_force(tmp_path: Path, store: Store) -> None:
    out = tmp_path / "fog.safetensors"
    out.write_text("mine")
    with pytest.raises(StoreError, match="exists: replace it with --force"):
        add_head("fog", data=NOWHERE, out=out, store=store, registry=registry())
    with pytest.raises(DataError):
        add_head("fog", data=NOWHERE, out=out, force=True, store=store, registry=registry())
    assert out.read_text() == "mine"


def test_broken_file_of_the_user_counts_as_taken(store: Store) -> None:
    store.folder.mkdir(parents=True)
    store.path("fog").write_text("broken")
    with pytest.raises(LabelTakenError, match="--force"):
        add_head("fog", data=NOWHERE, store=store, registry=attached(store))


def test_home_that_is_a_file_is_found_out_first(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written to: set DHEADS_HOME"):
        add_head("fog", data=NOWHERE, store=Store(tmp_path / "home"), registry=registry())


def test_without_the_extra_it_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"add-head needs the extra 'train': run pip install -e '\.\[train\]'"):
        add_head("fog", data=NOWHERE, store=store, registry=registry())


@pytest.mark.usefixtures("quick")
def test_from_python_it_goes_to_the_users_own_heads(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DHEADS_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(trained.cache.folder.parent))
    added = distortion_heads.add_head("grainy", data=str(trained.data), title="Grainy too", seed=3)
    assert added.path == tmp_path / "heads" / "grainy.safetensors"
    assert distortion_heads.load_registry().heads["grainy"].spec.weights == added.path
    assert (added.head.title, added.head.provenance.seed) == ("Grainy too", 3)
