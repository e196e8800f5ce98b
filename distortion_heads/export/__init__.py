"""Heads for other places: as pip packages, or with the backbone as one ONNX file that needs nothing of this package."""
