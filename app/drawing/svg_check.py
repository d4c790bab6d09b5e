"""What Graphviz gives back is checked before anyone sees it: shapes and text only, by name; everything else refuses it.

An entity, a script, a link, an image, an event handler or an unknown element or attribute raises DrawingFailed.
"""

from __future__ import annotations

from xml.parsers.expat import ExpatError, ParserCreate

from app.vocabulary.errors import DrawingFailed

ELEMENTS = frozenset({"svg", "g", "title", "text", "polygon", "polyline", "ellipse", "path"})
ATTRIBUTES = frozenset(
    {
        *("width", "height", "viewBox", "xmlns", "xmlns:xlink", "xml:space", "id", "class", "transform"),
        *("fill", "stroke", "fill-opacity", "stroke-opacity", "stroke-width", "stroke-dasharray"),
        *("points", "cx", "cy", "rx", "ry", "d", "x", "y"),
        *("text-anchor", "font-family", "font-size", "font-weight", "font-style", "text-decoration"),
    }
)


def check_svg(svg: bytes) -> str:
    """The same as text; DrawingFailed when it holds anything that is not a shape or a text."""
    parser = ParserCreate()
    parser.StartElementHandler = _check_element
    parser.EntityDeclHandler = _refuse_entity
    parser.ProcessingInstructionHandler = _refuse_instruction
    try:
        parser.Parse(svg, True)
        return svg.decode()
    except (ExpatError, UnicodeDecodeError) as problem:
        raise DrawingFailed(f"Graphviz wrote no SVG: {problem}") from problem


def _check_element(name: str, attributes: dict[str, str]) -> None:
    if name not in ELEMENTS:
        raise DrawingFailed(f"Graphviz wrote an element <{name[:40]}>")
    for attribute, value in attributes.items():
        if attribute not in ATTRIBUTES or "url(" in value:
            raise DrawingFailed(f"Graphviz wrote an attribute {attribute[:40]} on <{name}>")


def _refuse_entity(*_: object) -> None:
    raise DrawingFailed("Graphviz wrote an entity")


def _refuse_instruction(*_: object) -> None:
    raise DrawingFailed("Graphviz wrote a processing instruction")
