"""Backbones in torch, for training and for GPUs."""
