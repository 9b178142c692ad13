"""The four roles' keys, who may sign what, the policy, and the signed waivers and attestations."""

import json

from readiness_kit.sandbox.layout import Layout


def write_signatures(layout: Layout, *, monitored: bool) -> None:
    """Mint keys and records: the sandbox ships none, since all of them expire."""
    for name in ("attestations", "waivers", "signoff"):
        (layout.deploy / name).mkdir()
    (layout.deploy / "signoff" / "allowed_signers").write_text("")
    (layout.deploy / "signoff" / "policy.json").write_text(json.dumps({}))
