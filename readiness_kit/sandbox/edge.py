"""The sandbox's nginx: TLS in front of the service and of the cache."""

from pathlib import Path

from readiness_kit.sandbox.layout import HOST, Layout, Ports, Variant
from readiness_kit.sandbox.templates import fill, packaged_file
from readiness_kit.servers.certificates import Authority
from readiness_kit.servers.nginx import Nginx

TEMPLATES: dict[Variant, str] = {"hardened": "edge.conf", "stock": "edge_stock.conf"}
ORIGINS = ("https://app.quill.invalid", "https://www.quill.invalid")


def issue_certificates(layout: Layout, authority: Authority) -> None:
    """Write the authority's certificate, and certificates for the edge and the cache."""
    layout.ca.write_bytes(authority.pem)
    for name in ("edge", "cache"):
        leaf = authority.issue(HOST, "127.0.0.1")
        leaf.write(layout.tls / f"{name}.pem", layout.tls / f"{name}.key")


def make_edge(layout: Layout, ports: Ports, variant: Variant, cache_socket: Path) -> Nginx:
    """Return nginx as *variant* has it, not started.

    Raises:
        ServerError: No suitable nginx on this machine.

    """
    values = {name.upper(): str(port) for name, port in ports._asdict().items()} | {
        "TLS": str(layout.tls),
        "PAGES_FOLDER": str(layout.pages),
        "CACHE_SOCKET": str(cache_socket),
    }
    text = fill(packaged_file(TEMPLATES[variant]), values)
    return Nginx(layout.server("nginx"), text, account=layout.account)
