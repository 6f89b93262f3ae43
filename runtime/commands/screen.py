"""How commands speak to a person: steps with progress, and failures that say what to do."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def done(text: str) -> None:
    """A step that is done."""
    out.print(f"[green]✓[/green] {text}")


def warn(text: str) -> None:
    """Something a person should know; the work goes on."""
    err.print(f"[yellow]![/yellow] {text}")


def fail(text: str, status: int = 1) -> NoReturn:
    """Says what is wrong and what to do, and ends the command."""
    err.print(f"[red]✗[/red] {text}")
    raise typer.Exit(status)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Shows that something is under way; on a terminal it turns, elsewhere it is one line."""
    if sys.stdout.isatty():
        with out.status(text):
            yield
    else:
        out.print(f"… {text}")
        yield
