"""`vbrain users`: who may log in."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from api.identity import UnusableCredentials, create_user, set_password
from configs.phones import missing_groups
from configs.words import Role
from models.errors import DatabaseUnavailable
from models.migrate import migrate
from models.session import Database, open_database
from models.tables import User
from runtime.commands.config import load_or_fail
from runtime.commands.screen import done, fail, out
from runtime.folders import DEFAULT_CONFIG, Folders, database_url

users = typer.Typer(help="Who may log in.", no_args_is_help=True)


def open_or_fail(folders: Folders) -> Database:
    """The database, made and brought up to date."""
    try:
        folders.make()
        database = open_database(database_url(), folders.var)
        migrate(database)
    except (DatabaseUnavailable, OSError) as error:
        fail(str(error))
    return database


@users.command("list")
def list_users() -> None:
    """List who may log in."""
    database = open_or_fail(Folders.from_environment())
    table = Table("user", "name", "role", "disabled")
    with database.session() as session:
        for user in session.scalars(select(User).order_by(User.username)):
            table.add_row(user.username, user.display_name, user.role, "yes" if user.disabled else "")
    out.print(table)


@users.command("add")
def add_user(
    username: str,
    role: Annotated[Role, typer.Option(help="what they may do")] = Role.VIEWER,
    name: Annotated[str | None, typer.Option(help="the name others see")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="a group of cameras they may see, once for each; without it, all")
    ] = None,
    config: Annotated[Path, typer.Option(help="the cameras of the village, whose groups these are")] = DEFAULT_CONFIG,
) -> None:
    """Add a user; asks for the password."""
    if group and (missing := missing_groups(load_or_fail(config), group)):
        fail(f"{config}: {missing}")
    password = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    database = open_or_fail(Folders.from_environment())
    try:
        with database.session() as session:
            create_user(session, username, password, role, name, group or ())
    except UnusableCredentials as error:
        fail(str(error))
    done(f"{username} may log in as {role.value}")


@users.command("password")
def change_password(username: str) -> None:
    """Set a user's password; asks for it, and ends that user's logins."""
    password = typer.prompt("new password", hide_input=True, confirmation_prompt=True)
    database = open_or_fail(Folders.from_environment())
    try:
        with database.session() as session:
            set_password(session, username, password)
    except UnusableCredentials as error:
        fail(str(error))
    done(f"{username} has a new password")
