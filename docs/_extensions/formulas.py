"""Formulas as MathML, which browsers show without a script from a network."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

# What reStructuredText would take for the name of a substitution is |a| in formulas.
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


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer and the reading of bars in docstrings."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    app.connect("autodoc-process-docstring", keep_bars)
    return {"parallel_read_safe": True}
