"""Sphinx settings: MyST pages, reference from docstrings, formulas as MathML."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import bayeslaw

project = "bayeslaw"
author = "The bayeslaw authors"
version = release = bayeslaw.__version__
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# A name is described in the module that defines it, not again where it is passed on.
autodoc_default_options = {"members": True, "ignore-module-all": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]

default_role = "code"
# Fields of several records share names (runs, families); nothing links to them.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = "bayeslaw"
html_math_renderer = "mathml"


# What restructured text would take for the name of a substitution is |a| in formulas.
ABSOLUTE = re.compile(r"\|(\S(?:[^|]*\S)?)\|")


def write_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def write_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    formula = tex2mathml(node.astext(), as_block=True)
    self.body.append(f'<div style="margin: 1em 0">{formula}</div>')
    raise nodes.SkipNode


def keep_bars(app: Sphinx, what: str, name: str, obj, options, lines: list[str]):
    """Show tables drawn with bars, and absolute values, as docstrings have them."""
    shown, was_row = [], False
    for line in lines:
        is_row = line.lstrip().startswith("|") and line.endswith("|")
        if is_row and not was_row:
            shown += [line[: len(line) - len(line.lstrip())] + "::", ""]
        shown.append("   " + line if is_row else ABSOLUTE.sub(r"\|\1\|", line))
        was_row = is_row
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """Register the three; browsers show MathML without a script from a network."""
    app.connect("autodoc-process-docstring", keep_bars)
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
