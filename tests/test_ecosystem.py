"""The lines of docs/ecosystem.md work where the other library is installed; and a Predictor goes to other processes."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from distortion_heads.pipeline import Predictor
from helpers import REPOSITORY
from helpers.command_line import write_picture

PAGE = (REPOSITORY / "docs" / "ecosystem.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- run: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))

AFTERWARDS = {
    "datasets": """
assert len(judged) == 3 and all(isinstance(row["faults"], list) for row in judged)
wanted = [[f.family for f in predictor.predict(row["image"]).present_families] for row in pictures]
assert [row["faults"] for row in judged] == wanted and any(wanted)
from datasets.fingerprint import Hasher
assert Hasher.hash(predictor) == Hasher.hash(Predictor(threads=1)) != Hasher.hash(Predictor(["blur"], threads=1))
""",
    "cleanvision": """
assert lab.issues.shape[0] == 3
for path, row in lab.issues.iterrows():
    family = predictor.predict(path).families[0]
    assert row["is_compression_issue"] == family.present and row["compression_score"] == 1 - family.probability
""",
    "fiftyone": """
assert dataset.count("faults.classifications") == sum(map(len, answers))
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("library", sorted(BLOCKS))
def test_the_lines_of_the_page_work(library: str, tmp_path: Path) -> None:
    """In a process of its own: these libraries change a lot as they are imported, and warn."""
    if library not in {name.lower() for name in packages_distributions().get(library, ())}:  # not tests/datasets
        pytest.skip(f"{library} is not installed")
    for number in range(3):
        write_picture(tmp_path / "photos" / f"{number}.jpg", number)
    (tmp_path / "page.py").write_text(BLOCKS[library] + AFTERWARDS[library])
    environment = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "couldn't be hashed" not in done.stderr


def test_each_library_takes_a_few_lines() -> None:
    assert BLOCKS.keys() == AFTERWARDS.keys()
    for block in BLOCKS.values():
        lines = [line for line in block.splitlines() if line and not line.startswith("from distortion_heads")]
        assert len(lines) <= 5


def test_a_predictor_that_was_pickled_answers_the_same(examples_folder: Path) -> None:
    predictor = Predictor(["blur", "jpeg", "uneven_illumination", "flicker"], threads=1)
    data = pickle.dumps(predictor)
    other = pickle.loads(data)
    picture = examples_folder / "kitten_clean.jpg"
    assert other.predict(picture) == predictor.predict(picture)
    assert [head.label for head in other.video_heads] == [head.label for head in predictor.video_heads]
    assert pickle.dumps(other) == data
