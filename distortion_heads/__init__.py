"""distortion-heads: says which distortions an image has and how strong they are.

    from distortion_heads import Predictor
    prediction = Predictor().predict("photo.jpg")
    [(family.family, family.severity) for family in prediction.present_families]

Plugins need `HeadSpec` and `hookimpl`. Names are resolved on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distortion_heads.answers import FamilyResult as FamilyResult
    from distortion_heads.answers import HeadResult as HeadResult
    from distortion_heads.answers import Prediction as Prediction
    from distortion_heads.answers import QualityResult as QualityResult
    from distortion_heads.errors import DheadsError as DheadsError
    from distortion_heads.heat.predictor import HeatPredictor as HeatPredictor
    from distortion_heads.hookspecs import hookimpl as hookimpl
    from distortion_heads.io.video.options import VideoOptions as VideoOptions
    from distortion_heads.pipeline import Predictor as Predictor
    from distortion_heads.registry.attached import load_registry as load_registry
    from distortion_heads.spec import BackboneSpec as BackboneSpec
    from distortion_heads.spec import HeadSpec as HeadSpec
    from distortion_heads.spec import Make as Make
    from distortion_heads.spec import PatchInput as PatchInput
    from distortion_heads.synthesis.levels import at_severity as at_severity
    from distortion_heads.training.heads.add_head import add_head as add_head
    from distortion_heads.video.answers import VideoPrediction as VideoPrediction
    from distortion_heads.video.predict import predict_frames as predict_frames
    from distortion_heads.video.predict import predict_video as predict_video

_HOME = {
    "BackboneSpec": "spec",
    "DheadsError": "errors",
    "FamilyResult": "answers",
    "HeadResult": "answers",
    "HeadSpec": "spec",
    "HeatPredictor": "heat.predictor",
    "Make": "spec",
    "PatchInput": "spec",
    "Prediction": "answers",
    "Predictor": "pipeline",
    "QualityResult": "answers",
    "VideoOptions": "io.video.options",
    "VideoPrediction": "video.answers",
    "add_head": "training.heads.add_head",
    "at_severity": "synthesis.levels",
    "hookimpl": "hookspecs",
    "load_registry": "registry.attached",
    "predict_frames": "video.predict",
    "predict_video": "video.predict",
}

__all__ = [
    "BackboneSpec",
    "DheadsError",
    "FamilyResult",
    "HeadResult",
    "HeadSpec",
    "HeatPredictor",
    "Make",
    "PatchInput",
    "Prediction",
    "Predictor",
    "QualityResult",
    "VideoOptions",
    "VideoPrediction",
    "add_head",
    "at_severity",
    "hookimpl",
    "load_registry",
    "predict_frames",
    "predict_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
