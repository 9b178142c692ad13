"""placeholder"""

from readiness_kit.sandbox.database import Database
from readiness_kit.sandbox.layout import Layout, Ports, Variant


def write_papers(
    layout: Layout, ports: Ports, variant: Variant, database: Database, *, monitored: bool
) -> None:
    layout.target_file.write_text("schema: 1\n")
