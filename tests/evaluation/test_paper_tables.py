"""The tables of Ameur et al. 2022 as methods."""

from __future__ import annotations

import pytest

from distortion_heads.errors import DataError
from distortion_heads.evaluation.methods import METHODS, Surroundings, make_method, parse_method
from distortion_heads.evaluation.paper_tables import BACKBONES, TABLES, labels_of, methods_of
from helpers.little_pictures import registry


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("corpus", ["kadid10k", "lvq"])
def test_every_method_is_known(table: str, corpus: str) -> None:
    names = [parse_method(method)[0] for method in methods_of(table, corpus, ())]
    assert names
    assert set(names) <= set(METHODS)


def test_table_8_takes_each_backbone_from_the_file_that_has_its_name() -> None:
    files = [f"w/{name}-0123abcd.pth" for name in reversed(BACKBONES)]
    methods = [parse_method(method)[1] for method in methods_of("8", "csiq", files)]
    assert [options["backbone"] for options in methods] == list(BACKBONES)
    assert [options["weights"] for options in methods] == [f"w/{name}-0123abcd.pth" for name in BACKBONES]
    assert [options["as"] for options in methods] == list(BACKBONES)


@pytest.mark.parametrize(("corpus", "file"), [("lvq", "vgg16.pth"), ("tid2013", "densenet169.pth")])
def test_the_papers_own_method_starts_from_the_backbone_that_it_has_there(corpus: str, file: str) -> None:
    methods = methods_of("2", corpus, [file])
    assert f"ameur,weights={file}" in methods
    assert sum("weights" in method for method in methods) == 1
    with pytest.raises(DataError, match=f"no --weights for {file.split('.')[0]} among other.pth"):
        methods_of("2", corpus, ["other.pth"])


def test_changes_are_those_of_the_papers_own_method_alone() -> None:
    methods = methods_of("2", "csiq", ["none"], "epochs=2,side=64")
    assert [method for method in methods if "epochs" in method] == ["ameur,weights=none,epochs=2,side=64"]
    assert all(method.endswith(",weights=none,epochs=2") for method in methods_of("8", "csiq", ["none"], "epochs=2"))


@pytest.mark.parametrize(
    ("method", "corpus", "changes"),
    [
        ("ameur", "csiq", ""),
        ("ameur,weights=none,epochs=2,side=112", "csiq", "random weights, side 112 (224), epochs 2 (60)"),
        ("ameur,backbone=vgg16,weights=none,as=VGG", "csiq", "random weights"),
        ("ameur,stride=288", "lvq", ""),
        ("ameur,finetune=all", "lvq", "trained: all (frozen)"),
        ("cnn-kang", "csiq", ""),
        ("cnn-kang,epochs=10", "csiq", "epochs 10 (40)"),
    ],
)
def test_what_is_otherwise_than_in_the_paper_is_told(method: str, corpus: str, changes: str) -> None:
    pytest.importorskip("torch")
    around = Surroundings(registry=registry(), corpus=corpus, hashes={}, cache=None)
    assert make_method(method, around).changes == changes  # type: ignore[attr-defined]


def test_without_weights_and_with_none() -> None:
    assert "ameur" in methods_of("9", "csiq", ())
    assert methods_of("9", "csiq", ["none"]) == ("ameur,weights=none",)
    with pytest.raises(DataError, match="comma"):
        methods_of("9", "csiq", ["a,b/densenet169.pth"])


def test_labels_are_the_papers_where_it_has_pictures() -> None:
    assert labels_of("kadid10k") == ("gaussian_blur", "jpeg", "white_noise")
    assert labels_of("lvq") is None
