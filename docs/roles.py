"""Docstrings use reStructuredText's roles and literal blocks; the site is Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.M | re.S)
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`~?([^`]+)`")


class Roles(griffe.Extension):
    """Roles become code, examples code blocks; a line of two colons disappears."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            text = re.sub(r"^::$", "", text, flags=re.M)
            obj.docstring.value = _DOCTEST.sub(lambda s: f"```pycon\n{s[0]}\n```", text)
