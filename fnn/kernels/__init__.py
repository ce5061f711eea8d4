"""Array code behind the layers. Images are (H, W, N, C) here, contiguous (see `fnn.arrays`)."""
