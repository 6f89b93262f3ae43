"""How a mistake in a configuration file is told to the person who made it.

Promises: every problem names its file, line and key, what is wrong and what would be right; no password is ever shown.
Not here: finding the problems (`yaml_text.py`, `explain.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SHOWN = 50
_CREDENTIALS = re.compile(r"://\S*@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` counts from 1, `key` is like `cameras[3].lines[0].end` (empty: the file as a whole)."""

    file: str
    line: int | None
    key: str
    wrong: str
    right: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        subject = f"{self.key} " if self.key else ""
        return f"{where}: {subject}{self.wrong}. {self.right}".rstrip(". ") + "."


class ConfigError(Exception):
    """A configuration file cannot be used. `problems` holds every mistake found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line or 0)))
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = [f"{len(self.problems)} mistakes in {self.problems[0].file}:" if self.problems else "no problems"]
        lines += [f"  {problem}" for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"  and {len(self.problems) - _SHOWN} more.")
        return "\n".join(lines)


def redact(text: str) -> str:
    """`text` with whatever stands between `://` and the last `@` of a word (a user and password) taken out."""
    return _CREDENTIALS.sub("://***@", text)


def key_path(path: Sequence[str | int]) -> str:
    """`("cameras", 3, "id")` as `cameras[3].id`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
