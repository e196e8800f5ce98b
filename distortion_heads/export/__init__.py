"""Backbone and heads as one ONNX file that needs nothing of this package."""
