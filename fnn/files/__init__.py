"""Files: writing them atomically, and reading untrusted ones safely."""
