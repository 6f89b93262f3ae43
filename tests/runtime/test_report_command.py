"""`vbrain report`: files with the right names, and one clear sentence when something is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runtime.cli import app

run = CliRunner()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBRAIN_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_files_of_several_formats(tmp_path: Path) -> None:
    span = ["--from", "2026-10-01", "--to", "2026-10-07"]
    kinds = ["--format", "csv", "--format", "html", "--format", "xlsx", "--lang", "en"]
    done = run.invoke(app, ["report", *span, *kinds, "--no-forecast", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"footfall-2026-10-01-2026-10-07.{kind}" for kind in ("csv", "html", "xlsx")]
    said = run.invoke(app, ["report", *span, "--format", "json", "--out", "-"])
    assert json.loads(said.stdout)["people"]["observed_share"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "1 October"], "takes a day like"),
        (["--from", "2026-10-02", "--to", "2026-10-01"], "must not come after"),
        (["--format", "pdf", "--out", "-"], "name a file with --out"),
    ],
)
def test_mistakes_are_said(arguments: list[str], said: str) -> None:
    done = run.invoke(app, ["report", *arguments])
    assert done.exit_code == 1 and said in " ".join(done.output.split())
