"""Describe names at their public place.

The directive `public` takes names such as `bayeslaw.fit`, one a line. Records that a
function takes or returns, and records in their fields, follow it if the face of the
same folder offers them.
"""

import inspect
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.util.docutils import SphinxDirective

# The alias `bayeslaw.laws.Number`, as autodoc spells it out.
NUMBER = "Float[Any, '...'] | float | int"


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
            place = public_place(record)
            if place and record not in seen and folder_of(record) == folder:
                seen.add(record)
                waiting.append(record)
                yield place, record


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


def public_place(record: type) -> str | None:
    """The shortest path of faces that offer the record, None if none does."""
    folders = record.__module__.split(".")[:-1]
    for length in range(1, len(folders) + 1):
        place = ".".join(folders[:length])
        if getattr(import_module(place), record.__name__, None) is record:
            return f"{place}.{record.__name__}"
    return None


def directive(place: str, value: Any) -> list[str]:
    """Lines of reStructuredText that describe the object."""
    if inspect.isclass(value):
        return [f".. autoclass:: {place}", "   :members:", ""]
    return [f".. autofunction:: {place}", ""]


def leave_out(app: Sphinx, what: str, name: str, obj, skip: bool, options):
    """Skip fields, which stand under `Attributes:`, and what pydantic adds."""
    is_field = type(obj).__name__ == "_tuplegetter"
    return True if is_field or name in {"model_config", "model_post_init"} else None


def shorten(
    app: Sphinx, what: str, name: str, obj, options, arguments: str, result: str
) -> tuple[str | None, str | None]:
    """Write what Sphinx cannot read or a reader would not: factories, type aliases."""

    def plain(part: str | None) -> str | None:
        return part and part.replace("<factory>", "...").replace(NUMBER, "Number")

    return plain(arguments), plain(result)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and how records and signatures are shown."""
    app.add_directive("public", Public)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("autodoc-process-signature", shorten)
    # As the docstrings call them; Sphinx says "Variables".
    (fields,) = (one for one in PyObject.doc_field_types if one.name == "variable")
    fields.label = "Attributes"
    return {"parallel_read_safe": True}
