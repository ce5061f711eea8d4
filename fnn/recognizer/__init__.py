"""Trained networks: in files, looking at images more than once, and those that come with fnn."""
