"""The errors that a user sees: one clear message, never a traceback."""


class VitalhouseError(Exception):
    """An error that the user can mend. The message names the file, what was expected and what to do.

    ``exit_code`` is what the command line ends with: 1 where work was refused or failed.
    """

    exit_code = 1


class UsageError(VitalhouseError):
    """A request that cannot be understood, such as a measurement or a delivery that does not exist."""

    exit_code = 2


class NotThere(UsageError):
    """A request for a name that does not exist."""
