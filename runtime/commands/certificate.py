"""`vbrain certificate`: https for a box that no public authority vouches for."""

from pathlib import Path
from typing import Annotated

import typer

from runtime.certificates import LONGEST_DAYS, CertificateError, make, names_of_this_box
from runtime.commands.screen import done, fail, out
from runtime.folders import Folders


def certificate(
    names: Annotated[
        list[str] | None,
        typer.Option("--for", help="an address or host name that the box is reached by; may be repeated"),
    ] = None,
    days: Annotated[int, typer.Option(help=f"how long it is good for, at most {LONGEST_DAYS}")] = LONGEST_DAYS,
    folder: Annotated[Path | None, typer.Option(help="where to; var/tls when left out")] = None,
) -> None:
    """Make a certificate of the village's own, so that phones give camera and place, and calls can be held.

    Without --for, it is for the addresses and names that this machine has now. Run it again when these change: phones
    go on trusting the same authority."""
    target = folder or Folders.from_environment().var / "tls"
    try:
        made = make(target, names or names_of_this_box(), days)
    except CertificateError as error:
        fail(str(error))
    done(f"a certificate for {', '.join(made.names)}, good for {days} days")
    out.print("Serve with it:", soft_wrap=True)
    out.print(f"  export VBRAIN_TLS_CERTIFICATE={made.certificate}", soft_wrap=True)
    out.print(f"  export VBRAIN_TLS_KEY={made.key}", soft_wrap=True)
    out.print(
        f"Put {made.authority} on each phone once and trust it there; it is no secret. Its SHA-256:", soft_wrap=True
    )
    out.print(f"  {made.fingerprint}", soft_wrap=True)
