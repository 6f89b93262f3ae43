"""`vbrain train`: from data to weights."""

import typer

from runtime.folders import Folders

train = typer.Typer(help="Train the models that are our own.", no_args_is_help=True)
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@train.command("smoke-fire", context_settings=_PASSED_ON)
def smoke_fire(context: typer.Context) -> None:
    """Train the smoke and fire model, on CPU or GPU; goes on where it stopped. Takes the options of
    `python -m detectors.train train --help`, and `--with-feedback`: what operators confirmed and rejected here is
    trained on too."""
    own = ["--feedback", str(Folders.from_environment().feedback)]
    given = [part for word in context.args for part in (own if word == "--with-feedback" else [word])]
    _train("smoke-fire", given)


@train.command("people-vehicles", context_settings=_PASSED_ON)
def people_vehicles(context: typer.Context) -> None:
    """Train our own model of people and vehicles, for boxes that cannot fetch COCO's weights. Takes the options of
    `python -m detectors.train train --help`."""
    _train("people-vehicles", context.args)


def _train(family: str, given: list[str]) -> None:
    from detectors.train.__main__ import main

    # `--data` stands before the step on that command line, wherever it was given on this one
    data: list[str] = []
    words = iter(given)
    rest: list[str] = []
    for word in words:
        if word == "--data":
            data = [word, next(words, "")]
        elif word.startswith("--data="):
            data = [word]
        else:
            rest.append(word)
    raise typer.Exit(main([*data, "train", "--family", family, *rest]))
