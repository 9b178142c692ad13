"""How long signing and verifying take, beside the stock tools, in one process and one run.

A run of 1,000 files and 50 MB, four roles; signers and verifier judge its facts again, which
the stock tools cannot. Prints one table; exits 1 where a limit is broken.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from sealing import People, judged_run, people

from readiness_kit.contents import ROLES
from readiness_kit.signoff import bundle, policy
from readiness_kit.signoff.policy import Pinned, Policy
from readiness_kit.signoff.statement import namespace_of

FILES, FILE_BYTES = 1000, 50_000
LIMIT_S = 2.0
ROUNDS = 5


def sign(run: Path, team: People, rules: Pinned) -> None:
    for role in ROLES:
        team.sign(run, role, now=datetime.now(UTC), policy=rules)


def verify(run: Path, team: People, rules: Pinned) -> None:
    found = team.verify(run, datetime.now(UTC), rules)
    assert not found.problems, found.problems
    assert not found.not_rejudged


def stock_sums(run: Path) -> None:
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=run, check=True)


def stock_sign(run: Path, team: People) -> None:
    """What four people would do by hand: check the sums, then sign; each on their own."""
    for role in ROLES:
        stock_sums(run)
        argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", team.key(role), "-n", namespace_of(role)]
        data = (run / "signoff" / f"{role}.json").read_bytes()
        subprocess.run(argv, input=data, check=True, capture_output=True)


def stock_verify(run: Path, team: People) -> None:
    stock_sums(run)
    for role in ROLES:
        file = run / "signoff" / f"{role}.json"
        argv = ["ssh-keygen", "-Y", "verify", "-f", team.allowed, "-I", team.principal(role)]
        argv += ["-n", namespace_of(role), "-s", f"{file}.sig"]
        subprocess.run(argv, input=file.read_bytes(), check=True, capture_output=True)


def seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="readiness-bench-") as place:
        folder = Path(place)
        (folder / "keys").mkdir()
        team = people(folder / "keys")
        run = judged_run(folder, more=FILES, more_bytes=FILE_BYTES)
        policy.write(folder / "policy.json", Policy(allow_undecided=True))
        rules = policy.load(folder / "policy.json")
        sign(run, team, rules)
        jobs: dict[str, tuple[Callable[[], object], Callable[[], object], float]] = {
            "sign for four roles": (
                lambda: sign(run, team, rules),
                lambda: stock_sign(run, team),
                LIMIT_S,
            ),
            "verify": (lambda: verify(run, team, rules), lambda: stock_verify(run, team), LIMIT_S),
        }
        broken = 0
        print(f"{FILES} files, {FILES * FILE_BYTES / 1e6:.0f} MB, {ROUNDS} rounds, median")
        for name, (ours, stock, limit) in jobs.items():
            pairs = [(seconds(ours), seconds(stock)) for _ in range(ROUNDS)]
            mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(one / other for one, other in pairs)
            broken += mine > limit
            print(f"{name:<22} {mine:6.3f} s   stock tools {theirs:6.3f} s   ratio {ratio:.2f}")
        archive = folder / "run.tar"
        print(f"{'bundle':<22} {seconds(lambda: bundle.write(run, archive)):6.3f} s")

        def opened() -> None:
            with bundle.opened(archive) as unpacked:
                verify(unpacked, team, rules)

        print(f"{'verify the bundle':<22} {seconds(opened):6.3f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
