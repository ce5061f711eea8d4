"""Files: writing them atomically, and reading those of strangers without trust."""
