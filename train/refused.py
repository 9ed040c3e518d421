"""What ends a program with one line, and no traceback."""


class Refused(Exception):
    """The line: what it is about, what is wrong, what to do."""
