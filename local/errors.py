"""What the command line says when it can't go on: one sentence, never a traceback."""


class StackError(Exception):
    """The stack can't do what was asked; the text tells the person at the keyboard what to do."""


class MissingPrerequisiteError(StackError):
    """Something this machine must have is absent; the text says what to install."""
