"""Array code behind the layers. Arrays here are (H, W, N, C), contiguous (see `layout`)."""
