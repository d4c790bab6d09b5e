"""Python's own messages as sentences with gaps, so that they can be said in the reader's language.

The true message is always shown as it is; this is what stands beside it.
"""

from __future__ import annotations

import re
from functools import cache

from app.vocabulary.values import Text
from app.words import GAP

SAID: tuple[Text, ...] = (
    Text("name '{name}' is not defined"),
    Text("cannot access local variable '{name}' where it is not associated with a value"),
    Text("cannot access free variable '{name}' where it is not associated with a value in enclosing scope"),
    Text("module '{module}' has no attribute '{name}'"),
    Text("'{kind}' object has no attribute '{name}'"),
    Text("type object '{kind}' has no attribute '{name}'"),
    Text("unsupported operand type(s) for {op}: '{left}' and '{right}'"),
    Text("bad operand type for unary {op}: '{kind}'"),
    Text("'{op}' not supported between instances of '{left}' and '{right}'"),
    Text("'{kind}' object is not callable"),
    Text("'{kind}' object is not iterable"),
    Text("'{kind}' object is not subscriptable"),
    Text("'{kind}' object does not support item assignment"),
    Text("'{kind}' object does not support item deletion"),
    Text("'{kind}' object cannot be interpreted as an integer"),
    Text("object of type '{kind}' has no len()"),
    Text("cannot unpack non-iterable {kind} object"),
    Text("unhashable type: '{kind}'"),
    Text('can only concatenate {left} (not "{right}") to {to}'),
    Text("{indexed} indices must be integers or slices, not {kind}"),
    Text("{function} missing {count} required positional argument: '{name}'"),
    Text("{function} missing {count} required positional arguments: {names}"),
    Text("{function} missing {count} required keyword-only argument: '{name}'"),
    Text("{function} takes {count} positional argument but {given} were given"),
    Text("{function} takes {count} positional arguments but {given} were given"),
    Text("{function} takes {count} positional arguments but {given} was given"),
    Text("{function} takes no arguments"),
    Text("{function} got an unexpected keyword argument '{name}'"),
    Text("{function} got multiple values for argument '{name}'"),
    Text("list index out of range"),
    Text("tuple index out of range"),
    Text("string index out of range"),
    Text("pop from empty list"),
    Text("list assignment index out of range"),
    Text("division by zero"),
    Text("float division by zero"),
    Text("not enough values to unpack (expected {expected}, got {got})"),
    Text("not enough values to unpack (expected at least {expected}, got {got})"),
    Text("too many values to unpack (expected {expected})"),
    Text("invalid literal for int() with base {base}: {text}"),
    Text("could not convert string to float: {text}"),
    Text("max() arg is an empty sequence"),
    Text("math domain error"),
    Text("maximum recursion depth exceeded"),
    Text("No module named '{name}'"),
    Text("cannot import name '{name}' from '{module}' ({path})"),
)
KEY = Text("There is no key {key}.")
LONGEST = 500


def restate(exception: str, message: str) -> Text | None:
    """The sentence with gaps that a message of Python's is, filled; None for any other."""
    if len(message) > LONGEST:
        return None
    if exception == "KeyError":
        return Text(KEY.template, {"key": message})
    for text, pattern in patterns():
        match = pattern.fullmatch(message)
        if match is not None:
            return Text(text.template, dict(match.groupdict()))
    return None


@cache
def patterns() -> tuple[tuple[Text, re.Pattern[str]], ...]:
    """Each sentence as the pattern of the messages it is made of; a suggestion may follow."""
    return tuple((text, re.compile(pattern_of(text.template))) for text in SAID)


def pattern_of(template: str) -> str:
    pieces, end = [], 0
    for gap in GAP.finditer(template):
        pieces += [re.escape(template[end : gap.start()]), f"(?P<{gap[1]}>.+?)"]
        end = gap.end()
    return "".join((*pieces, re.escape(template[end:]), r"(?:\. Did you mean:? .*\?)?"))
