from __future__ import annotations

import ast
import tomllib
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from distortion_heads.errors import DataError, HeadFileError, LabelTakenError, ProfileError, UnknownHeadError
from distortion_heads.export.package import PackRequest, make_package
from distortion_heads.heads.file import parse_head
from distortion_heads.heads.head import HeadMetrics, Provenance
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.profiles import Profiles
from distortion_heads.spec import BackboneRef
from export.conftest import Packing, own_profile
from helpers import REPOSITORY
from helpers.command_line import attach
from helpers.sample_heads import make_head, same

TEMPLATE = REPOSITORY / "plugins" / "template"
ORIGIN = make_head().provenance


def test_the_template_is_made_by_the_same_code(ref: BackboneRef) -> None:
    source = TEMPLATE / "src" / "dheads_sepia_cast"
    request = PackRequest(
        heads=(str(source / "sepia_cast.safetensors"),),
        picture_licences=("unknown",),
        description="Detects the brown cast of aged photographs: a head for distortion-heads.",
        synthesizers=(source / "sepia_cast.py",),
    )
    package = make_package(request, load_registry(no_plugins=True), ref)
    there = {
        str(file.relative_to(TEMPLATE)) for file in TEMPLATE.rglob("*") if file.is_file() and file.suffix != ".pyc"
    }
    assert there == set(package.files)
    for path, data in package.files.items():
        assert (TEMPLATE / path).read_bytes() == data, f"{path}: run the command in docs/pack.md again"


def test_a_package_holds_all_that_it_needs(packing: Packing) -> None:
    own = attach(packing.home, packing.ref, "rain", title='Rain "|`x` \\', family="weather", license="MIT")
    package = packing("rain")
    module = "src/dheads_rain"
    assert set(package.files) == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "tests/test_heads.py",
        f"{module}/__init__.py",
        f"{module}/py.typed",
        f"{module}/rain.safetensors",
    }
    assert package.files[f"{module}/rain.safetensors"] == own.read_bytes()
    project = tomllib.loads(package.files["pyproject.toml"].decode())["project"]
    assert (project["name"], project["version"], project["license"]) == ("dheads-rain", "0.1.0", "MIT")
    assert project["entry-points"] == {"dheads": {"rain": "dheads_rain"}}
    tree = ast.parse(package.files[f"{module}/__init__.py"])
    assert 'Rain "|`x` \\' in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    ast.parse(package.files["tests/test_heads.py"])
    card = package.files["README.md"].decode()
    assert "| `rain` | hold-out | 40 | 0.990 | – | – | – | 0.000 |" in card
    assert '| `rain` | Rain "\\|\\`x\\` \\\\ | weather | native | presence and severity | MIT |' in card
    assert "CC0-1.0" in card


def test_several_heads_share_a_package_and_join_their_licences(packing: Packing) -> None:
    attach(packing.home, packing.ref, "rain", license="MIT")
    attach(packing.home, packing.ref, "snow", license="Apache-2.0", outputs=("presence",))
    with pytest.raises(DataError, match="--name"):
        packing("rain", "snow")
    package = packing("rain", "snow", name="dheads-weather")
    assert [head.label for head in package.heads] == ["rain", "snow"]
    assert package.licence == "MIT AND Apache-2.0"
    assert {"src/dheads_weather/rain.safetensors", "src/dheads_weather/snow.safetensors"} <= set(package.files)


def test_what_the_file_does_not_say_is_written_into_it(packing: Packing) -> None:
    origin = replace(ORIGIN, image_licenses=())
    own = attach(packing.home, packing.ref, "rain", license="unspecified", provenance=origin)
    with pytest.raises(DataError, match="--licence"):
        packing("rain")
    with pytest.raises(DataError, match="--picture-licence"):
        packing("rain", licence="mit")
    package = packing("rain", licence="mit", picture_licences=("CC-BY-4.0", "own"))
    before = parse_head(own.read_bytes(), "own")
    after = parse_head(package.files["src/dheads_rain/rain.safetensors"], "packed")
    assert (after.license, after.provenance.image_licenses) == ("MIT", ("CC-BY-4.0", "own"))
    assert same(replace(after, license=before.license, provenance=before.provenance), before)
    unknown = packing("rain", licence="MIT", picture_licences=("unknown",))
    assert "not stated" in unknown.files["README.md"].decode()


@pytest.mark.parametrize("text", ["All rights reserved", "CC-BY-ND-4.0", "CC BY-NC-ND 3.0", "proprietary"])
def test_a_licence_that_forbids_it_is_never_packed(packing: Packing, text: str) -> None:
    attach(packing.home, packing.ref, "rain", provenance=replace(ORIGIN, image_licenses=("CC0-1.0", text)))
    with pytest.raises(DataError, match="forbids it"):
        packing("rain", non_commercial=True)


@pytest.mark.parametrize("text", ["CC-BY-NC-4.0", "for research only", "non-commercial use"])
def test_no_commercial_use_must_be_asked_for_and_is_said(packing: Packing, text: str) -> None:
    attach(packing.home, packing.ref, "rain", provenance=replace(ORIGIN, image_licenses=(text,)))
    with pytest.raises(DataError, match="--non-commercial"):
        packing("rain")
    files = packing("rain", non_commercial=True).files
    assert b"**Not for commercial use**" in files["README.md"]
    assert b"Not for commercial use." in files["LICENSE"]


@pytest.mark.parametrize(
    "text", ["CC0-1.0", "CC-BY-SA-4.0", "Unsplash License", "public domain", "Fantastic NC17 band"]
)
def test_other_licences_pass(packing: Packing, text: str) -> None:
    attach(packing.home, packing.ref, "rain", provenance=replace(ORIGIN, image_licenses=(text,)))
    assert packing("rain").licence == "Apache-2.0"


@pytest.mark.parametrize(
    "origin",
    [
        replace(ORIGIN, data=" "),
        replace(ORIGIN, command=""),
        replace(ORIGIN, data_sha256="unknown"),
        replace(ORIGIN, n_pos=0),
        replace(ORIGIN, n_neg=0),
    ],
)
def test_a_head_without_provenance_is_refused(packing: Packing, origin: Provenance) -> None:
    attach(packing.home, packing.ref, "rain", provenance=origin)
    with pytest.raises(DataError, match="does not say what it was trained on"):
        packing("rain")


def test_names_versions_and_licences_are_checked(packing: Packing) -> None:
    attach(packing.home, packing.ref, "rain")
    for name in ("rain", "dheads-", "dheads-Rain", "dheads-plugins", "../dheads-x"):
        with pytest.raises(DataError, match="--name"):
            packing("rain", name=name)
    with pytest.raises(DataError, match="--version"):
        packing("rain", version="one")
    with pytest.raises(DataError, match="not MIT"):
        packing("rain", licence="MIT")
    attach(packing.home, packing.ref, "snow", license="my own words")
    with pytest.raises(DataError, match="LicenseRef-NAME"):
        packing("snow")


def test_heads_that_are_not_ones_own_are_refused(packing: Packing, tmp_path: Path) -> None:
    with pytest.raises(LabelTakenError, match="distortion-heads"):
        packing("jpeg", name="dheads-jpeg-again")
    with pytest.raises(UnknownHeadError):
        packing("no_such_head")
    with pytest.raises(HeadFileError, match="cannot be read"):
        packing(str(tmp_path / "gone.safetensors"))
    attach(packing.home, packing.ref, "rain", backbone=BackboneRef(name="other", fingerprint="ab" * 32, dim=608))
    with pytest.raises(HeadFileError, match="train the head again"):
        packing("rain")


def test_a_synthesizer_is_copied_and_never_run(packing: Packing, tmp_path: Path) -> None:
    attach(packing.home, packing.ref, "rain")
    file = tmp_path / "rain.py"
    file.write_text("raise SystemExit\n\ndef synthesize(image, severity, rng):\n    return image\n")
    files = packing("rain", synthesizers=(file,)).files
    assert files["src/dheads_rain/rain.py"] == file.read_bytes()
    assert b"synthesize=rain.synthesize" in files["src/dheads_rain/__init__.py"]
    file.write_text("def other(): ...\n")
    with pytest.raises(DataError, match="no function synthesize"):
        packing("rain", synthesizers=(file,))
    with pytest.raises(DataError, match=r"rain\.py"):
        packing("rain", synthesizers=(tmp_path / "snow.py",))


def test_a_poor_head_can_be_packed_and_its_card_says_so(packing: Packing) -> None:
    attach(packing.home, packing.ref, "rain", metrics=HeadMetrics(split="held out", n=12, auroc=0.51))
    assert "| 12 | 0.510 |" in packing("rain").files["README.md"].decode()


def test_a_profile_goes_with_the_heads(packing: Packing, tmp_path: Path) -> None:
    """Bound to the file as it is packed, here with a licence that the own head lacks; without heads of others."""
    attach(packing.home, packing.ref, "rain", license="unspecified")
    attach(packing.home, packing.ref, "mine", license="MIT")
    profile = own_profile(packing, "rain", "mine", "jpeg")
    files = packing("rain", licence="MIT", profile=profile).files
    head = files["src/dheads_rain/rain.safetensors"]
    (tmp_path / "dashcam.json").write_bytes(files["src/dheads_rain/profiles/dashcam.json"])
    found = Profiles(tmp_path).load(str(tmp_path / "dashcam.json"))
    assert sorted(found.thresholds()) == ["jpeg", "rain"]
    assert found.thresholds()["rain"].fingerprint == sha256(head).hexdigest()
    assert "`dheads predict PICTURES --profile dashcam`" in files["README.md"].decode()
    assert "dash\\|cams" in files["README.md"].decode()
    ast.parse(files["src/dheads_rain/__init__.py"])
    ast.parse(files["tests/test_heads.py"])


def test_a_profile_of_other_heads_is_refused(packing: Packing) -> None:
    attach(packing.home, packing.ref, "rain", license="MIT")
    with pytest.raises(ProfileError, match="no threshold for the head 'rain': run `dheads calibrate"):
        packing("rain", profile=own_profile(packing, "jpeg"))
    profile = own_profile(packing, "rain")
    attach(packing.home, packing.ref, "rain", license="MIT", seed=5)
    with pytest.raises(ProfileError, match="another head 'rain'"):
        packing("rain", profile=profile)
    with pytest.raises(ProfileError, match="is for the backbone"):
        packing("rain", profile=replace(profile, backbone=replace(packing.ref, fingerprint="0" * 64)))
