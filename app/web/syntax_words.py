"""What CPython says of a syntax error, word for word, so that it can be translated; what is not here stays English."""

from __future__ import annotations

from app.vocabulary.values import Text

SYNTAX_WORDS = (
    Text("invalid syntax"),
    Text("invalid syntax. Perhaps you forgot a comma?"),
    Text("invalid syntax. Maybe you meant '==' or ':=' instead of '='?"),
    Text("expected ':'"),
    Text("expected an indented block"),
    Text("unexpected indent"),
    Text("unindent does not match any outer indentation level"),
    Text("inconsistent use of tabs and spaces in indentation"),
    Text("unexpected EOF while parsing"),
    Text("unexpected character after line continuation character"),
    Text("'(' was never closed"),
    Text("'[' was never closed"),
    Text("'{' was never closed"),
    Text("unmatched ')'"),
    Text("unmatched ']'"),
    Text("unmatched '}'"),
    Text("cannot assign to function call here. Maybe you meant '==' instead of '='?"),
    Text("cannot assign to expression here. Maybe you meant '==' instead of '='?"),
    Text("cannot assign to literal here. Maybe you meant '==' instead of '='?"),
    Text("cannot assign to attribute here. Maybe you meant '==' instead of '='?"),
    Text("cannot assign to literal"),
    Text("cannot assign to function call"),
    Text("positional argument follows keyword argument"),
    Text("Missing parentheses in call to 'print'. Did you mean print(...)?"),
    Text("invalid decimal literal"),
    Text("invalid non-printable character U+00A0"),
    Text("f-string: expecting '}'"),
    Text("'return' outside function"),
    Text("'break' outside loop"),
    Text("'continue' not properly in loop"),
    Text("'await' outside function"),
    Text("'yield' outside function"),
)
