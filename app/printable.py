"""Text from outside, made safe for a terminal: nothing in it can act or hide."""


def printable(text: str) -> str:
    r"""Return a text in characters that show what they are; line breaks and tabs stay.

    >>> print(printable("a\x1b[2J\u202eb"))
    a\x1b[2J\u202eb
    """
    return "".join(one if one.isprintable() or one in "\n\t" else ascii(one)[1:-1] for one in text)
