"""`vbrain train`: from data to weights."""

import typer

train = typer.Typer(help="Train the models that are our own.", no_args_is_help=True)


@train.command(
    "smoke-fire",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def smoke_fire(context: typer.Context) -> None:
    """Train the smoke and fire model, on CPU or GPU; goes on where it stopped. Takes the options of
    `python -m detectors.train train --help`."""
    from detectors.train.__main__ import main

    raise typer.Exit(main(["train", *context.args]))
