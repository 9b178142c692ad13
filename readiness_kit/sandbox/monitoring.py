"""Prometheus, Alertmanager and the node exporter: they join when they are on PATH."""

import json
import shutil
import signal
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from readiness_kit.sandbox.exporter import LAST_FIGURE
from readiness_kit.sandbox.layout import Layout, Ports, Variant
from readiness_kit.sandbox.templates import fill, packaged_file
from readiness_kit.servers import programs
from readiness_kit.servers.ports import LOOPBACK, answers, http_get
from readiness_kit.servers.process import Command, Process

PROGRAMS = {
    "prometheus": ("prometheus",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "node": ("node_exporter", "prometheus-node-exporter"),
}
"""Names that upstream and Debian give the three programs."""


TARGETS = 3
"""Two processes of the service, and the node exporter."""

AGAIN_S, POLL_S = 6.0, 0.1
"""Longest wait for two more scrapes, and between two questions."""


class Monitoring:
    """The monitoring of a sandbox, as far as this machine has the programs."""

    def __init__(self, layout: Layout, ports: Ports, variant: Variant) -> None:
        """Look for the programs; nothing is started. Stock has nothing to be scraped."""
        self.layout = layout
        self.ports = ports
        self.variant = variant
        self.figures: Path | None = None
        self.processes: tuple[Process, ...] = ()
        self.found = {
            name: path for name, names in PROGRAMS.items() if (path := programs.on_path(*names))
        }

    @property
    def available(self) -> bool:
        """Whether all three are here: one without the others proves too little."""
        return self.variant == "hardened" and len(self.found) == len(PROGRAMS)

    def start(self, undo: ExitStack) -> None:
        """Start the three, if all are here.

        Prometheus looks at its targets five seconds after it was started (its discovery and its
        scrape manager are throttled so), hence the earlier the better.

        Raises:
            ServerError: One cannot be executed.

        """
        if not self.available:
            return
        home = self.layout.server("monitoring")
        if self.layout.account:
            self.layout.account.own(home)
        self._write_configuration(home)
        self.processes = tuple(self._process(home, name) for name in PROGRAMS)
        for process in self.processes:
            undo.callback(process.stop)
            process.start()

    def wait(self) -> None:
        """Wait until all three listen, and Prometheus has seen every target.

        Raises:
            ServerError: One did not start.

        """
        for name, process in zip(PROGRAMS, self.processes, strict=False):
            process.wait_until(partial(answers, getattr(self.ports, name)))
        for prometheus in self.processes[:1]:
            prometheus.wait_until(self._all_scraped)

    def look_again(self) -> None:
        """Wait until Prometheus has found every target up from now on, a few seconds at most.

        What was started again was down for it until then.
        """
        since, ends = time.time(), time.monotonic() + AGAIN_S
        for _ in self.processes[:1]:
            while time.monotonic() < ends and not (
                self._asked("sum(up)") == TARGETS and self._asked("min(timestamp(up))") > since
            ):
                time.sleep(POLL_S)

    def _all_scraped(self) -> bool:
        """Tell whether Prometheus has found every target up, and seen what the sandbox writes."""
        return self._asked("sum(up)") == TARGETS and self._asked(f"count({LAST_FIGURE})") > 0

    def _asked(self, query: str) -> float:
        """Return the value of *query*; 0 where there is none yet."""
        _, body = http_get(self.ports.prometheus, f"/api/v1/query?query={query}")
        try:
            found = json.loads(body)["data"]["result"]
            return float(found[0]["value"][1])
        except (ValueError, LookupError):
            return 0.0

    def _process(self, home: Path, name: str) -> Process:
        listen = f"--web.listen-address={LOOPBACK}:{getattr(self.ports, name)}"
        options = {
            "prometheus": (
                f"--config.file={home}/prometheus.yml",
                f"--storage.tsdb.path={home}/series",
                "--storage.tsdb.retention.time=2d",
                "--scrape.discovery-reload-interval=1s",  # else the first scrape waits for 5 s
            ),
            "alertmanager": (
                f"--config.file={home}/alertmanager.yml",
                f"--storage.path={home}/alerts",
                "--cluster.listen-address=",  # alone, so that it opens no gossip port
            ),
            "node": (f"--collector.textfile.directory={home}/textfile",),
        }[name]
        return Process(
            Command(
                name=name,
                argv=[self.found[name], *options, listen, "--log.level=warn"],
                log=home / f"{name}.log",
                directory=home,
                account=self.layout.account,
                death_signal=signal.SIGKILL,
            )
        )

    def _write_configuration(self, home: Path) -> None:
        values = {name.upper(): str(port) for name, port in self.ports._asdict().items()}
        values["RULES"] = str(home / "rules.yml")
        shutil.copy(self.layout.deploy / "rules.yml", home)
        for name in ("prometheus.yml", "alertmanager.yml"):
            (home / name).write_text(fill(packaged_file(name), values))
        (home / "textfile").mkdir()
        self.figures = home / "textfile" / "quill.prom"
