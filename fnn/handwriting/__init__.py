"""Turns a photo or drawing of a digit into an image like MNIST's."""
