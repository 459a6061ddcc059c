"""YAML as the user wrote it: plain data, and the line and column of every key and value.

Only plain data is read (no tags that build objects); keys given twice are refused, since all but
the last would be ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Position", "YamlSource"]

LARGEST_FILE = 1 << 20
MOST_VALUES = 100_000
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Position:
    """Line and column in a file, both from 1."""

    line: int
    column: int

    @classmethod
    def of(cls, mark: yaml.Mark) -> Position:
        return cls(mark.line + 1, mark.column + 1)


@dataclass(frozen=True)
class YamlSource:
    """``data`` of one YAML document and where each part of it stands in ``text``.

    >>> source = YamlSource.parse("link:\\n  rate: 0.5\\n", "x.yaml")
    >>> source.data
    {'link': {'rate': 0.5}}
    >>> source.where(("link", "rate"))
    Position(line=2, column=9)
    >>> source.where(("link", "rate"), key=True)
    Position(line=2, column=3)
    """

    name: str
    text: str
    data: Any
    keys: dict[Location, Position]
    values: dict[Location, Position]

    @classmethod
    def read(cls, path: Path) -> YamlSource:
        """Read and parse ``path``; raises FileNotFoundError or ValueError in one sentence."""
        if path.is_dir():
            raise ValueError(f"{path}: a folder, where a file is meant")
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"{path}: larger than {LARGEST_FILE >> 20} MiB, so no settings")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8 text (byte {error.start})") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> YamlSource:
        """Parse ``text``; raises ValueError naming ``name``, line and column."""
        try:
            loader = yaml.SafeLoader(text)
            root = loader.get_single_node()
            keys: dict[Location, Position] = {}
            values: dict[Location, Position] = {}
            if root is not None:
                _walk(root, (), keys, values, name)
            data = loader.construct_document(root) if root is not None else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
            problem = error.problem or "not YAML"
            if "another document" in problem:
                problem = "a second document begins here: a file holds one"
            raise ValueError(f"{place}: {problem}") from error
        except RecursionError as error:
            raise ValueError(f"{name}: not YAML, or values too deep inside each other") from error
        except (yaml.YAMLError, OverflowError) as error:
            raise ValueError(f"{name}: not YAML ({' '.join(str(error).split())})") from error
        except ValueError as error:
            # the constructor's own, e.g. the date 2026-99-99; ours already name the place
            message = str(error)
            raise ValueError(
                message if message.startswith(name) else f"{name}: {message}"
            ) from error
        return cls(name, text, data, keys, values)

    def where(self, location: Location, *, key: bool = False) -> Position:
        """Position of the value (or key) at ``location``, or of the nearest part around it."""
        if key and location in self.keys:
            return self.keys[location]
        while location and location not in self.values:
            location = location[:-1]
        return self.values.get(location, Position(1, 1))


def _walk(
    node: yaml.Node,
    location: Location,
    keys: dict[Location, Position],
    values: dict[Location, Position],
    name: str,
) -> None:
    values[location] = Position.of(node.start_mark)
    if len(values) > MOST_VALUES:  # aliases of aliases can write 10^9 values in ten lines
        raise ValueError(f"{name}: more than {MOST_VALUES} values, so no settings")
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*location, index), keys, values, name)
    elif isinstance(node, yaml.MappingNode):
        own: set[str] = set()
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                mark = key_node.start_mark
                raise ValueError(f"{name}:{mark.line + 1}:{mark.column + 1}: a key must be a word")
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.value in own:
                mark = key_node.start_mark
                raise ValueError(
                    f"{name}:{mark.line + 1}:{mark.column + 1}: {key_node.value!r} is given twice "
                    "in the same place; keep one"
                )
            own.add(key_node.value)
            keys[(*location, key_node.value)] = Position.of(key_node.start_mark)
            _walk(child, (*location, key_node.value), keys, values, name)
