"""Write the page of the command line from its verbs."""

import re

import typer
from sphinx.application import Sphinx
from typer.cli import get_docs_for_click

from bayeslaw.cli.main import app as program

PAGE = "reference/command-line"
# The list of verbs repeats the headings of the page, with their help cut short.
LIST_OF_VERBS = re.compile(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+")


def add_verbs(app: Sphinx, page: str, source: list[str]) -> None:
    """Append usage, arguments and options of every verb to their page."""
    if page == PAGE:
        command = typer.main.get_command(program)
        context = typer.Context(command, info_name="bayeslaw")
        written = get_docs_for_click(obj=command, ctx=context, name="bayeslaw")
        # The page has a title of its own.
        below = re.sub(r"^#", "##", LIST_OF_VERBS.sub("", written), flags=re.M)
        source[0] += below


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the verbs when their page is read."""
    app.connect("source-read", add_verbs)
    return {"parallel_read_safe": True}
