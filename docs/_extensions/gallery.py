"""Draw the pictures of the gallery, and show each with its caption and its script.

A script of docs/gallery is run when its picture is missing or older than what it is
made from: the script, the files that it names, and the package.
"""

import ast
import contextlib
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "docs/gallery"
FILE_NAME = re.compile(r"[\w./-]+")
DETAILS = '<details style="margin-bottom: 3em"><summary>Script</summary>'
logger = logging.getLogger(__name__)


def draw(app: Sphinx) -> None:
    """Run the scripts whose pictures are missing or out of date."""
    package = max(path.stat().st_mtime for path in ROOT.glob("bayeslaw/**/*.py"))
    for script in sorted(SCRIPTS.glob("*.py")):
        picture = SCRIPTS / f"generated/{script.stem}.svg"
        changed = max(package, *(path.stat().st_mtime for path in inputs(script)))
        if not picture.exists() or picture.stat().st_mtime < changed:
            logger.info("drawing %s", picture.name)
            run(script)


def run(script: Path) -> None:
    """Run a script as `python -m docs.gallery.NAME` does; an error names it."""
    try:
        with contextlib.chdir(ROOT):
            runpy.run_module(f"docs.gallery.{script.stem}")
    except Exception as error:
        raise ExtensionError(f"{script.relative_to(ROOT)}: {error}") from error


def inputs(script: Path) -> Iterator[Path]:
    """The script, what it imports from docs and benchmarks, and the files they name."""
    yield script
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        match node:
            case ast.Constant(value=str(name)) if FILE_NAME.fullmatch(name):
                if (ROOT / name).is_file():
                    yield ROOT / name
            case ast.ImportFrom(module=str(name)) if not name.startswith("bayeslaw"):
                module = ROOT / f"{name.replace('.', '/')}.py"
                if module.is_file():
                    yield from inputs(module)


class Drawing(SphinxDirective):
    """A picture by the name of its script; the content is a line on its API."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Picture, caption from the docstring of the script, script."""
        path = SCRIPTS / f"{self.arguments[0]}.py"
        self.env.note_dependency(str(path))
        source = path.read_text(encoding="utf-8")
        title, _, caption = ast.get_docstring(ast.parse(source)).partition("\n\n")
        uri = f"generated/{path.stem}.svg"
        image = nodes.image(uri=uri, alt=title)
        return [
            nodes.rubric("", title, ids=[path.stem]),
            nodes.figure("", image),
            *self.parse_text_to_nodes(caption),
            *self.parse_content_to_nodes(),
            nodes.raw("", DETAILS, format="html"),
            nodes.literal_block(source, source, language="python"),
            nodes.raw("", "</details>", format="html"),
        ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Draw before pages are read; register the directive."""
    app.connect("builder-inited", draw)
    app.add_directive("drawing", Drawing)
    return {"parallel_read_safe": True}
