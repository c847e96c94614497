"""Errors that are the user's to mend."""


class InputError(ValueError):
    """Input that cannot be used: a file, an array, a name. Its text is one or two sentences for the user.

    The command turns it into exit code 2; any other exception is an error of ours.
    """
