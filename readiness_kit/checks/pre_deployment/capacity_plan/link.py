"""The link: answers at the planned rate leave it room."""

import math
from collections.abc import Iterator

from readiness_kit.checks.pre_deployment.capacity_plan.figures import NOON, positive, rate_words
from readiness_kit.facts.papers.capacity import AnswerSizes, CapacityPlan
from readiness_kit.verdict import Case, Finding, Grade, Move, judges

LINK = (0.50, 0.80)
"""Shares of what there is: up to the first there is room, beyond the second there is none."""


@judges("bandwidth")
def bandwidth(plan: CapacityPlan, sizes: AnswerSizes | None) -> Iterator[Finding]:
    """Answers at the planned rate, or what was sent already if it is more, leave the link room."""
    planned, link = plan.requests_per_second, plan.link_bits_per_s
    each, seen = plan.bytes_per_answer, sizes.mean_bytes if sizes else None
    sent = sizes.highest_sent_bytes_per_s if sizes else None
    answer = max(float(each or 0), seen or 0.0)
    bits = max((planned or 0.0) * answer, sent or 0.0) * 8
    share = bits / link if link is not None and link > 0 else math.inf
    told = "no answer was seen" if seen is None else f"{seen:.0f} seen"
    this = Case(
        claim="bandwidth",
        got=f"{rate_words(planned)} x {answer:.0f} bytes ({told}): {bits / 1e6:.2f} Mbit/s of "
        f"{(link or 0) / 1e6:.0f}",
        want=f"at most {LINK[0]:.0%} of the link",
        seen=[
            *(plan.at(f"/{one}") for one in ("bytes_per_answer", "link_bits_per_s")),
            *([sizes.at("/answers")] if sizes else []),
        ],
        reproduce=f"cat {plan.file}; curl -so /dev/null -w '%{{size_download}}' $URL",
        grade=Grade.DECLARED,
    )
    if not (positive(planned) and positive(each) and positive(link)):
        yield this.fails("the plan holds no estimate of the bandwidth")
    elif share <= LINK[0]:
        yield this.holds()
    elif share <= LINK[1]:
        yield this.holds("bursts go over the average: order a faster link, or send less")
    else:
        yield this.fails()


SIZES = AnswerSizes(
    observed_at=NOON, answers={"orders": 12_000, "me": 400}, highest_sent_bytes_per_s=2e6
)


def thin_link(plan: CapacityPlan) -> CapacityPlan:
    """Carry it over a thousandth of the link."""
    link = plan.link_bits_per_s
    return plan if link is None else plan.replace(link_bits_per_s=link // 1000)


WORSEN: tuple[Move, ...] = (thin_link,)
