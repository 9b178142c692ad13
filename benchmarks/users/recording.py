"""What it costs to hear of one response, in nanoseconds, printed as JSON.

``event``: Locust's event with nobody listening for long; ``ours``: with the engine listening, its
fold included; ``stock``: with Locust's own statistics listening.
"""

import json
from time import perf_counter_ns

import gevent
from locust.env import Environment
from locust.event import EventHook

from readiness_kit.harness.plan import Plan
from readiness_kit.harness.schedule import steady
from readiness_kit.harness.sending.engine import CONTEXT, Engine, Flight

N, ROUNDS = 50_000, 7


def fired(hook: EventHook, engine: Engine) -> float:
    flights = [Flight(gevent.getcurrent(), 0.5, 0.0) for _ in range(N)]
    contexts = [{CONTEXT: flight} for flight in flights]
    keep = engine._flights  # noqa: SLF001 - as take() does, without the schedule
    began = perf_counter_ns()
    for flight, context in zip(flights, contexts, strict=True):
        keep[flight.who] = flight
        hook.fire(
            request_type="GET",
            name="/",
            response_time=1.25,
            response_length=27,
            response=None,
            context=context,
            exception=None,
        )
    engine.record.fold(1.0)
    return (perf_counter_ns() - began) / N


def main() -> None:
    plan = Plan(
        profile="", url="", origins=(), stages=steady(1, 1), block_s=0.1, users=1, loopback=True
    )
    engine = Engine(plan)
    nobody, ours = EventHook(), EventHook()
    nobody.add_listener(lambda **_: None)
    ours.add_listener(engine.on_request)
    stock = Environment()
    stock.create_local_runner()
    hooks = {"event": nobody, "ours": ours, "stock": stock.events.request}
    rounds = [{name: fired(hook, engine) for name, hook in hooks.items()} for _ in range(ROUNDS)]
    print(json.dumps({name: min(one[name] for one in rounds) for name in hooks}))


if __name__ == "__main__":
    main()
