"""The family exposure: whether any fault of it is there, of whatever kind."""

from __future__ import annotations

from dheads_plugins._bundled import bundled
from dheads_plugins.makes import makes_of
from distortion_heads.spec import HeadSpec

HEAD = HeadSpec(
    label="exposure",
    title="Exposure",
    family="exposure",
    scope="family",
    makes=makes_of(
        "lighting",
        "sensor",
        overexposed="Too much light: clipped on the sensor, then the camera's curve.",
        underexposed="Too little light, without further noise: dark, contrast kept or crushed by the curve.",
        low_light="Too little light, and the sensor's noise that comes with it, as in a dark room.",
        gamma="A wrong curve: dark parts lifted or pressed down.",
        shifted_tones="All values are raised or lowered by the same amount, or multiplied.",
        raised_value="The brightest channel of each pixel is raised, the hue kept: colours pale towards white.",
        wrong_contrast="Contrast about the middle is raised until both ends clip, or lowered until all is flat.",
    ),
    description="Too dark, too bright or of wrong contrast as a whole.",
    weights=bundled("exposure"),
    view="light",
)
