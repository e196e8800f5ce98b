"""`dheads bench pretraining`: what learning scores of metrics does for quality, and which targets are best."""
