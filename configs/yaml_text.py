"""YAML text to plain data that remembers its lines.

Promises: all duplicate keys and unset variables of a file are found in one go; every value keeps the line and the text
it was written with. `${NAME}` and `${NAME:-default}` are filled in from the environment inside any text, `$${` stands
for a plain `${`. Anchors, aliases and merge keys (`<<`) work. Not here: what the data means (`site.py`, `kinds.py`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from configs.errors import ConfigError, Problem, key_path

KeyPath = tuple[str | int, ...]

_MOST_BYTES = 4 * 1024 * 1024
_MOST_VALUES = 200_000
_DEEPEST = 40
_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<broken>\$\{)")
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(slots=True)
class Document:
    """What a file says: `data` (dicts, lists, scalars), the line of each key or item, each scalar as it was written."""

    file: str
    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    faulty: set[KeyPath] = field(default_factory=set)

    def line_of(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest thing around it that was written."""
        for length in range(len(path), -1, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return None

    def add(self, path: KeyPath, line: int | None, wrong: str, right: str) -> None:
        """Note a problem, and that whatever else is said of `path` would only repeat it."""
        self.faulty.add(path)
        self.problems.append(Problem(self.file, line, key_path(path), wrong, right))


def read_document(path: Path, environment: Mapping[str, str]) -> Document:
    """Read a YAML file. Raises ConfigError where it is not readable YAML at all; lesser problems are in the result."""
    return parse_document(_read_text(path), str(path), environment)


def parse_document(text: str, file: str, environment: Mapping[str, str]) -> Document:
    """Read YAML text; `file` is its name for messages. Raises ConfigError on a mistake of syntax."""
    document = Document(file)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(file, error)]) from None
    except (YAMLError, ValueError) as error:
        raise ConfigError([_whole(file, f"is not YAML text ({_first_line(error)})", "Is it the right file?")]) from None
    except RecursionError:
        raise ConfigError([_whole(file, "is nested too deeply", "Is it the right file?")]) from None
    if node is None:
        raise ConfigError([_whole(file, "is empty", "Start from the cameras.yaml that comes with the project.")])
    document.lines[()] = node.start_mark.line + 1
    document.data = _Reader(document, environment).value(node, ())
    return document


def _read_text(path: Path) -> str:
    file = str(path)
    try:
        if path.is_dir():
            raise ConfigError([_whole(file, "is a folder", "Name a YAML file.")])
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([_whole(file, "does not exist", "Check the name and the folder.")]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable file name"
        raise ConfigError([_whole(file, f"cannot be read ({reason})", "Check its name and its permissions.")]) from None
    if len(content) > _MOST_BYTES:
        raise ConfigError([_whole(file, "is larger than 4 MiB", "Is it the right file?")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        right = "Save it with the encoding UTF-8 (in Notepad: Save as, Encoding)."
        raise ConfigError([Problem(file, line, "", "is not UTF-8 text", right)]) from None


def _whole(file: str, wrong: str, right: str) -> Problem:
    return Problem(file, None, "", wrong, right)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(": ") if str(error) else type(error).__name__


def _syntax_problem(file: str, error: MarkedYAMLError) -> Problem:
    """Names the rule that was broken, never the text around it, which may hold a password."""
    said = error.problem or error.context or "cannot be understood"
    mark = error.problem_mark or error.context_mark
    right = "Check indentation, colons and quotes here and on the line above."
    if "alias" in said:
        said, right = "found an alias (*…) that no anchor (&…) defines", "Put text that begins with * in quotes."
    elif "quoted scalar" in (error.context or ""):
        said, mark, right = "found a quote that is never closed", error.context_mark or mark, "Close the quote."
    elif "another document" in said:
        said, right = "found a second document", "Remove the line ---."
    elif "but got '{'" in said or "but got '}'" in said:
        right = 'Inside [ ] and { } put text with braces in quotes: "${NAME}".'
    elif "cannot start any token" in said and "\\t" in said:
        said, right = "found a tab", "Indent with spaces."
    elif "cannot start any token" in said:
        right = "Put text that begins with such a sign in quotes."
    return Problem(file, None if mark is None else mark.line + 1, "", f"is not valid YAML: {said}", right)


class _Reader:
    """Turns nodes into values, noting lines and problems on the way. Bounded in depth and in number of values."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        self._constructor = YAML(typ="safe", pure=True).constructor
        self._values = 0

    def value(self, node: Node, path: KeyPath) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES or len(path) > _DEEPEST:
            wrong = "holds too much, or an anchor that contains itself"
            raise ConfigError([_whole(self._document.file, wrong, "Is it the right file?")])
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._item(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _item(self, node: Node, path: KeyPath) -> Any:
        self._document.lines[path] = node.start_mark.line + 1
        return self.value(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[Node] = []
        first_line: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, ScalarNode):
                self._document.add(path, line, "has a key that is not plain text", "Write key: value.")
                continue
            key = str(key_node.value)
            child = (*path, key)
            if key in first_line:
                wrong = f"is written twice (first on line {first_line[key]})"
                self._document.add(child, line, wrong, "Keep one of the two.")
                continue
            first_line[key] = line
            self._document.lines[child] = line
            result[key] = self.value(value_node, child)
        for source in merged:
            self._merge(source, path, result)
        return result

    def _merge(self, source: Node, path: KeyPath, result: dict[str, Any]) -> None:
        """Take in what `<<: *anchor` brings; keys that are already there win."""
        if not isinstance(source, MappingNode):
            line = source.start_mark.line + 1
            self._document.add(path, line, "merges (<<) something that has no keys", "Merge a block of keys.")
            return
        wanted = [(k, v) for k, v in source.value if k.tag == _MERGE or str(k.value) not in result]
        reduced = MappingNode(source.tag, wanted, source.start_mark, source.end_mark)
        result.update(self._mapping(reduced, path))

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        text = str(node.value)
        self._document.written[path] = text
        if node.tag not in _PLAIN_TAGS:
            self._document.add(path, line, "has a YAML tag (!…)", "Remove the tag, or put the text in quotes.")
            return text
        if node.tag.endswith((":str", ":timestamp")):
            return self._fill_in(text, path, line)
        try:
            return self._constructor.construct_object(node)
        except (ValueError, YAMLError):
            self._document.add(path, line, "is not a number", "Put text in quotes.")
            return text

    def _fill_in(self, text: str, path: KeyPath, line: int) -> str:
        def replacement(match: re.Match[str]) -> str:
            if match.group() == "$${":
                return "${"
            if match.group("broken"):
                right = "Write ${NAME} or ${NAME:-default}; write $${ for a plain ${."
                self._document.add(path, line, "holds a ${ that names no variable", right)
                return match.group()
            name, default = match.group("name"), match.group("default")
            found = self._environment.get(name)
            if default is not None:
                return found or default
            if found is None:
                right = f"Set {name} before starting, or give a default: ${{{name}:-default}}."
                self._document.add(path, line, f"needs the environment variable {name}, which is not set", right)
                return match.group()
            return found

        return _VARIABLE.sub(replacement, text)
