"""Plays a plan with the kit's engine and prints what it saw: ``plan.py JSON``."""

import sys

import msgspec

from readiness_kit.harness.conducting.drive import drive
from readiness_kit.harness.plan import Plan
from readiness_kit.statistics.capacity import overload
from readiness_kit.statistics.histogram import merge


def main(order: str) -> None:
    plan = msgspec.json.decode(order, type=Plan)
    outcome = drive(plan)
    seen = merge(outcome.ended.blocks)
    said = {
        "n": seen.n,
        "failed": outcome.ended.failed,
        "p95_ms": seen.quantile_ms(0.95),
        "p99_ms": seen.quantile_ms(0.99),
        "lateness_p99_ms": outcome.lateness_p99_ms,
        "invalid": outcome.invalid_reason,
        "capacity": overload(outcome.ended.blocks, plan.block_s, plan.top_rps),
    }
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
