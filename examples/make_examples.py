"""Makes the example pictures from two CC0 photographs: `python examples/make_examples.py KITTEN SKYLINE`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.registry.build import build_registry
from distortion_heads.synthesis.distort import Step, distort

SIZE = (512, 352)
PICTURES = (
    ("kitten_clean.jpg", 0, {}),
    ("kitten_defocus.jpg", 0, {"lens_blur": 3.0}),
    ("kitten_motion.jpg", 0, {"motion_blur": 4.5}),
    ("kitten_noise.png", 0, {"white_noise": 3.5}),
    ("kitten_noise_and_jpeg.jpg", 0, {"impulse_noise": 3.5, "jpeg": 3.0}),
    ("skyline_clean.jpg", 1, {}),
    ("skyline_jpeg.jpg", 1, {"jpeg": 4.0}),
    ("skyline_smoke.jpg", 1, {"smoke": 4.0}),
    ("kitten_uneven_light.jpg", 0, {"uneven_illumination": 4.0}),
)


def main(sources: list[str]) -> None:
    heads = build_registry(no_plugins=True).heads
    clean = [cut(Image.open(source).convert("RGB")) for source in sources]
    for seed, (name, which, severities) in enumerate(PICTURES):
        steps = [Step(spec=heads[label].spec, severity=value) for label, value in severities.items()]
        image = to_uint8(distort(to_float(np.asarray(clean[which])), steps, np.random.default_rng(seed)))
        Image.fromarray(image).save(Path(__file__).parent / name, quality=93, subsampling=0)


def cut(picture: Image.Image) -> Image.Image:
    """The middle of a photograph, at its own resolution."""
    left, top = (picture.width - SIZE[0]) // 2, (picture.height - SIZE[1]) // 2
    return picture.crop((left, top, left + SIZE[0], top + SIZE[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
