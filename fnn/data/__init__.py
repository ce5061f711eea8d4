"""Data sets: reading and downloading them, mini-batches and augmentation."""
