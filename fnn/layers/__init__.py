"""Layers; `fnn.layers.layer` has their contract."""
