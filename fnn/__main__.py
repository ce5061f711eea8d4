"""python -m fnn: lists and runs the programs, like the command fnn."""

import sys

from fnn.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
