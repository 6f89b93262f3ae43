"""The `vbrain` command."""

import logging

import typer

from runtime.commands import (
    certificate,
    config,
    discover,
    models,
    probe,
    replay,
    report,
    run,
    store,
    train,
    truth,
    users,
)

app = typer.Typer(
    name="vbrain",
    help="The village brain: cameras in, incidents and live pictures out.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals may hold passwords
)
app.command("run")(run.run)
app.command("check")(config.check)
app.command("schema")(config.schema)
app.command("probe")(probe.probe)
app.command("discover")(discover.discover)
app.command("certificate")(certificate.certificate)
app.command("replay")(replay.replay)
app.command("report")(report.report)
app.add_typer(models.models, name="models")
app.add_typer(store.store, name="store")
app.add_typer(train.train, name="train")
app.add_typer(truth.truth, name="truth")
app.add_typer(users.users, name="users")


def main() -> None:
    """Runs the command line. What a person should read is said by the commands; the log is the processes'."""
    logging.basicConfig(handlers=[logging.NullHandler()])
    app()


if __name__ == "__main__":
    main()
