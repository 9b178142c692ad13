"""Changes of the certificate that nginx shows."""

import datetime as dt
from pathlib import Path

from readiness_kit.sandbox.changes.files import FileChange
from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.layout import HOST
from readiness_kit.servers.certificates import Authority


class Certificate(FileChange, frozen=True, kw_only=True, tag="certificate"):
    """Show another certificate: for ``names``, from ``started_days`` ago on, for ``days``.

    It comes from an authority made for it (the sandbox's own key never leaves the supervisor),
    which clients trust as well unless ``trusted`` says no.
    """

    file: str = "deploy/tls/*.*"
    names: tuple[str, ...] = (HOST, "127.0.0.1")
    days: int = 120
    started_days: int = 0
    trusted: bool = True

    def do(self, ground: Ground) -> None:
        """Issue and install it."""
        authority = Authority.create("An authority made for a break")
        start = dt.datetime.now(dt.UTC) - dt.timedelta(days=self.started_days)
        leaf = authority.issue(*self.names, days=self.days, start=start)
        tls: Path = ground.path("deploy/tls")
        leaf.write(tls / "edge.pem", tls / "edge.key")
        if self.trusted:
            with (tls / "ca.pem").open("ab") as bundle:
                bundle.write(authority.pem)
