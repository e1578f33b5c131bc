"""The one exception that means "the user can mend this": shown as a message, never a traceback."""


class UserError(Exception):
    """What is wrong, where (file, key), and what would be right, in words for the user."""
