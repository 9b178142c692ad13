"""Text from a run, made fit for one line of the terminal."""

import unicodedata

import click

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def one_line(text: object) -> str:
    r"""Return *text* on one line, in which nothing can move the cursor, hide or reorder.

    A run under review is data of strangers: it may not draw another outcome over ours.

    >>> one_line("x\nGO: it holds\x1b[8m\u202e")
    'x<U+000A>GO: it holds<U+001B>[8m<U+202E>'
    """
    return "".join(
        f"<U+{ord(one):04X}>" if unicodedata.category(one) in HIDDEN else one for one in str(text)
    )


def say(text: object, *, err: bool = False) -> None:
    """Print *text* as one line."""
    click.echo(one_line(text), err=err)
