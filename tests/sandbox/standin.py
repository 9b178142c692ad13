"""A sandbox's folder without servers: changes of files need no more."""

from pathlib import Path

from readiness_kit.sandbox.ground import Ground
from readiness_kit.sandbox.layout import Ports
from readiness_kit.sandbox.state import State


class Folder(Ground):
    """A ground whose servers never answer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        nobody = Ports(*[1] * len(Ports._fields))
        self.first = State(phase="ready", variant="hardened", supervisor=0, ports=nobody._asdict())
        for name in ("secrets", "deploy", "backups"):
            (root / name).mkdir()
        (root / "secrets" / "superuser_password").write_text("none")
        (root / "secrets" / "cache_url").write_text("rediss://:none@localhost/0")
        (root / "deploy" / "quill.env").write_text("A=1\n")
        (root / "readiness.yaml").write_text("name: quill\nlist: [1, {two: 2}]\n")
        for day in (1, 2, 3):
            (root / "backups" / f"{day}.dump").write_bytes(bytes(range(100)))
