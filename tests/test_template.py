"""The third-party package in plugins/template, which `dheads pack` wrote (see export/test_package.py)."""

from __future__ import annotations

import numpy as np

from distortion_heads.registry.build import build_registry
from helpers import REPOSITORY
from helpers.installed_plugins import Site

TEMPLATE = REPOSITORY / "plugins" / "template"


def test_template_makes_its_distortion(site: Site) -> None:
    owner = site.install("dheads-sepia-cast", "")
    (site.folder / "dheads_sepia_cast.py").unlink()
    (site.folder / "dheads_sepia_cast").symlink_to(TEMPLATE / "src" / "dheads_sepia_cast")
    registry = build_registry(environ={})
    assert registry.failures == ()
    head = registry.heads["sepia_cast"]
    assert head.owner == owner
    synthesize = head.spec.synthesize
    assert synthesize is not None
    image = np.random.default_rng(0).random((32, 48, 3), dtype=np.float32)
    changes = []
    for severity in (1.0, 2.0, 3.0, 4.0, 5.0):
        before = image.copy()
        result = synthesize(image, severity, np.random.default_rng(1))
        assert (result.shape, result.dtype) == (image.shape, image.dtype)
        assert 0 <= result.min() <= result.max() <= 1
        np.testing.assert_array_equal(image, before)
        np.testing.assert_array_equal(result, synthesize(image, severity, np.random.default_rng(1)))
        changes.append(float(np.abs(result - image).mean()))
    assert changes == sorted(changes)
    assert changes[0] > 0.01
    sepia = synthesize(image, 5.0, np.random.default_rng(1)).mean((0, 1))
    assert sepia[0] > sepia[1] > sepia[2]
