"""Describe names at their public place and link to them there.

The directive `public` takes names such as `bayeslaw.fit`, one a line. Records that a
function takes or returns, and records in their fields, follow it if they are of the
same folder.
"""

import inspect
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective


class Public(SphinxDirective):
    """Names, each described once a page."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Descriptions from the docstrings, in order."""
        described = self.env.current_document.setdefault("public_names", set())
        lines = []
        for name in self.content:
            for place, value in described_with(name):
                if place not in described:
                    described.add(place)
                    lines += directive(place, value)
        return self.parse_text_to_nodes(
            "\n".join(["````{eval-rst}", *lines, "````"]), allow_section_headings=False
        )


def described_with(name: str) -> Iterator[tuple[str, Any]]:
    """The named object and its records, by their public places."""
    module, _, attribute = name.rpartition(".")
    value = getattr(import_module(module), attribute)
    yield name, value
    waiting, folder = [value], folder_of(value)
    seen = {value}
    while waiting:
        for record in records_in(waiting.pop(0)):
            if record not in seen and folder_of(record) == folder:
                seen.add(record)
                waiting.append(record)
                yield public_place(record), record


def folder_of(value: Any) -> str:
    """The folder of the package that defines it."""
    return value.__module__.split(".")[1]


def records_in(value: Any) -> Iterator[type]:
    """Classes of the package in the types of arguments, result or fields."""
    try:
        waiting = [*typing.get_type_hints(value).values()]
    except NameError:  # a name that only the type checker imports
        return
    while waiting:
        hint = waiting.pop(0)
        waiting += typing.get_args(hint)
        if inspect.isclass(hint) and hint.__module__.startswith("bayeslaw."):
            yield hint


def public_place(record: type) -> str:
    """The shortest path of modules that offers the record."""
    parts = record.__module__.split(".")
    for length in range(1, len(parts)):
        place = ".".join(parts[:length])
        if getattr(import_module(place), record.__name__, None) is record:
            return f"{place}.{record.__name__}"
    return f"{record.__module__}.{record.__name__}"


def directive(place: str, value: Any) -> list[str]:
    """Lines of reStructuredText that describe the object."""
    if inspect.isclass(value):
        return [f".. autoclass:: {place}", "   :members:", ""]
    return [f".. autofunction:: {place}", ""]


def link(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """Link a name, such as a type in a signature, to where it is described.

    Signatures name the module that defines a record (`bayeslaw.decisions.decision`);
    the record is described at the face of its folder (`bayeslaw.decisions`).
    """
    module, _, name = node.get("reftarget", "").rpartition(".")
    domain = env.get_domain("py")
    places = [
        place
        for place in domain.objects
        if place.endswith(f".{name}")
        and f"{module}.".startswith(place.removesuffix(name))
    ]
    if node.get("refdomain") != "py" or len(places) != 1:
        return None
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, "obj", places[0], node, text
    )


def skip_fields(app: Sphinx, what: str, name: str, obj, skip: bool, options):
    """Leave out fields of named tuples, which stand under `Attributes:`."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def show_factories(
    app: Sphinx, what: str, name: str, obj, options, arguments: str, result: str
) -> tuple[str, str] | None:
    """Write a default made by a factory as Python can read it."""
    return (arguments.replace("<factory>", "..."), result) if arguments else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, the links and how records are shown."""
    app.add_directive("public", Public)
    app.connect("missing-reference", link)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("autodoc-process-signature", show_factories)
    # As the docstrings call them; Sphinx says "Variables".
    (fields,) = (one for one in PyObject.doc_field_types if one.name == "variable")
    fields.label = "Attributes"
    return {"parallel_read_safe": True}
