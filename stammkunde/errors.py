"""Errors that are meant for the user: one clear sentence, no stack trace, a non-zero exit."""


class UserError(Exception):
    """Something the user can mend. The message names the file, row, field or key."""


class ConfigError(UserError):
    """The configuration cannot be used."""


class BusyError(UserError):
    """Another run holds the warehouse."""


class BlockedError(UserError):
    """A blocking check failed, so nothing was published."""
