"""The circuit breaker."""

import asyncio
import time

import pytest

from readiness_kit.sandbox.app.breaker import Breaker, Open, bounded


async def fine() -> str:
    return "fine"


async def broken(error: type[Exception] = ConnectionError) -> str:
    raise error


async def stubborn() -> str:
    """Hang, and take long to be cancelled."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(1)
    return "late"


async def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            await breaker.call(broken())


def test_opens_after_failures_in_a_row_and_closes_after_a_success():
    async def story() -> None:
        breaker = Breaker(limit_s=1, failures=3, rest_s=0.05)
        await fail(breaker, 2)
        assert await breaker.call(fine()) == "fine"
        await fail(breaker, 3)
        with pytest.raises(Open):
            await breaker.call(fine())
        await asyncio.sleep(0.06)
        assert await breaker.call(fine()) == "fine"
        assert await breaker.call(fine()) == "fine"

    asyncio.run(story())


def test_one_caller_tries_while_the_others_are_refused():
    async def story() -> None:
        breaker = Breaker(limit_s=1, failures=1, rest_s=0.05)
        await fail(breaker, 1)
        await asyncio.sleep(0.06)
        outcomes = await asyncio.gather(
            *(breaker.call(fine()) for _ in range(5)), return_exceptions=True
        )
        assert outcomes[0] == "fine"
        assert all(isinstance(outcome, Open) for outcome in outcomes[1:])

    asyncio.run(story())


def test_errors_that_do_not_count_leave_it_closed():
    async def story() -> None:
        breaker = Breaker(limit_s=1, failures=1, counts=ConnectionError)
        with pytest.raises(ValueError):  # noqa: PT011 - it has no message
            await breaker.call(broken(ValueError))
        assert await breaker.call(fine()) == "fine"

    asyncio.run(story())


def test_does_not_wait_for_a_slow_cancellation():
    async def story() -> float:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await bounded(stubborn(), 0.05)
        return time.monotonic() - begun

    assert asyncio.run(story()) < 0.5


def test_with_a_probe_no_caller_tries_and_the_probe_closes_it():
    well = False

    async def probe() -> None:
        if not well:
            raise ConnectionError

    async def story() -> None:
        nonlocal well
        breaker = Breaker(limit_s=1, failures=2, rest_s=0.01, probe=probe)
        await fail(breaker, 2)
        await asyncio.sleep(0.05)
        with pytest.raises(Open):
            await breaker.call(fine())
        well = True
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await breaker.call(fine()) == "fine"
                except Open:
                    await asyncio.sleep(0.01)
                else:
                    break
        await fail(breaker, 2)
        with pytest.raises(Open):
            await breaker.call(fine())

    asyncio.run(story())


def test_a_late_success_does_not_close_what_a_probe_watches():
    async def late() -> str:
        await asyncio.sleep(0.05)
        return "late"

    async def probe() -> None:
        raise ConnectionError

    async def story() -> None:
        breaker = Breaker(limit_s=1, failures=1, rest_s=0.01, probe=probe)
        begun = asyncio.ensure_future(breaker.call(late()))
        await asyncio.sleep(0)
        await fail(breaker, 1)
        assert await begun == "late"
        with pytest.raises(Open):
            await breaker.call(fine())

    asyncio.run(story())
