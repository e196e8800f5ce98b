"""Views to features: file formats, the two kinds of backbone, and their engines."""
