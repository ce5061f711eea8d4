"""The page on which one draws a digit: what it is told, its server, and its static files."""
