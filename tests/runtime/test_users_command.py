"""`vbrain users`: a person who may log in, limited to groups of cameras that exist."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.session import open_database
from models.tables import User
from runtime.cli import app

run = CliRunner()
PASSWORD = "a long password\na long password\n"


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VBRAIN_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path / "var"


def users_in(var: Path) -> list[tuple[str, list[str]]]:
    database = open_database(None, var)
    with database.reading() as session:
        found = [(user.username, user.camera_groups) for user in session.query(User)]
    database.close()
    return found


def test_a_user_of_some_cameras_is_added_and_never_shown_with_a_password(var: Path) -> None:
    added = run.invoke(app, ["users", "add", "li", "--group", "river", "--group", "farmland"], input=PASSWORD)
    assert added.exit_code == 0, added.output
    assert users_in(var) == [("li", ["farmland", "river"])]
    assert "a long password" not in added.output + run.invoke(app, ["users", "list"]).output


def test_a_group_that_does_not_exist_is_named_with_those_that_do(var: Path) -> None:
    added = run.invoke(app, ["users", "add", "li", "--group", "rivre"], input=PASSWORD)
    said = " ".join(added.output.split())
    assert added.exit_code == 1 and "no group of cameras rivre" in said and "river" in said
    assert not var.exists()
