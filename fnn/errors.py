"""The one exception that means: the input is at fault, not the program."""


class InputError(ValueError):
    """A file, a value or an argument that a user gave cannot be used.

    Its message is one line that names what was found, what was expected and what to do; the
    programs print it and exit with status 2.
    """
