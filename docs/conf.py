"""Sphinx settings: MyST pages, gallery, reference from docstrings and verbs."""

import logging
import sys
from pathlib import Path

# Scripts of the gallery import from docs and benchmarks.
sys.path.insert(0, str(Path(__file__).parents[1]))

import bayeslaw

# The theme's colours of code switch on the messages of all libraries otherwise.
logging.basicConfig(level=logging.WARNING)

project = "bayeslaw"
author = "The bayeslaw authors"
version = release = bayeslaw.__version__
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "docs._extensions.command_line",
    "docs._extensions.formulas",
    "docs._extensions.gallery",
    "docs._extensions.public_names",
    "docs._extensions.registries",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# The index of the reference is a list with links; the pages are written by hand.
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Source"]

default_role = "code"
highlight_language = "none"

html_theme = "furo"
html_title = "bayeslaw"
html_math_renderer = "mathml"
