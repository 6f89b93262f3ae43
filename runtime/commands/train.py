"""`vbrain train`: from data to weights."""

import typer

from runtime.folders import Folders

train = typer.Typer(help="Train the models that are our own.", no_args_is_help=True)


@train.command(
    "smoke-fire",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def smoke_fire(context: typer.Context) -> None:
    """Train the smoke and fire model, on CPU or GPU; goes on where it stopped. Takes the options of
    `python -m detectors.train train --help`, and `--with-feedback`: what operators confirmed and rejected here is
    trained on too."""
    from detectors.train.__main__ import main

    own = ["--feedback", str(Folders.from_environment().feedback)]
    given = [part for word in context.args for part in (own if word == "--with-feedback" else [word])]
    raise typer.Exit(main(["train", *given]))
