"""`vbrain check` and `vbrain schema`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from configs.errors import ConfigError
from configs.load import load_site
from configs.schema import json_schema
from configs.site import Site
from runtime.commands.screen import done, err, fail
from runtime.folders import DEFAULT_CONFIG


def load_or_fail(path: Path) -> Site:
    """The site of that file; all its mistakes are shown when there are any."""
    try:
        return load_site(path)
    except ConfigError as error:
        err.print(str(error), markup=False, soft_wrap=True)
        count = len(error.problems)
        fail(f"{path}: {count} mistake{'s' if count != 1 else ''} to mend", status=2)


def check(path: Annotated[Path, typer.Argument(help="the configuration to check")] = DEFAULT_CONFIG) -> None:
    """Check a configuration: every mistake with its file, line and key."""
    site = load_or_fail(path)
    lines = sum(len(c.lines) for c in site.cameras)
    zones = sum(len(c.zones) for c in site.cameras)
    done(
        f"{path}: {site.site.name.zh} {site.site.name.en}, {len(site.cameras)} monitoring points in "
        f"{len(site.groups)} groups, {lines} lines, {zones} zones"
    )


def schema() -> None:
    """Print the JSON Schema of cameras.yaml, for editors."""
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))
