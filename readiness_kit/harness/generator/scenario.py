"""The user classes of a scenario, each with the engine mixed in."""

from pathlib import Path

import locust
from locust import FastHttpUser, task
from locust.user.task import filter_tasks_by_tags
from locust.util.load_locustfile import load_locustfile

from readiness_kit.harness.generator.paced import Paced, PacedFastLane
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.users import FastLaneUser


def classes_of(plan: Plan) -> list[type[Paced]]:
    """Return the user classes to play.

    Raises:
        Exception: Whatever importing the scenario raises; ValueError or TypeError when it has no
            user class, no task with the wanted tags, or one that the engine cannot pace.

    """
    if plan.scenario is None:
        found: list[type[locust.User]] = [_fetching(plan.path)]
    else:
        if not Path(plan.scenario).is_file():
            raise FileNotFoundError("no such file")
        found = list(load_locustfile(plan.scenario)[0].values())
    if not found:
        raise ValueError("no user class; derive one from readiness_kit.harness.users.OpenUser")
    for kind in found:
        if not issubclass(kind, FastHttpUser):
            raise TypeError(f"{kind.__name__} must derive from OpenUser or FastHttpUser")
        if plan.tags:
            filter_tasks_by_tags(kind, set(plan.tags))
    with_tasks = [kind for kind in found if kind.tasks]
    if not with_tasks:
        tagged = f" tagged {' or '.join(plan.tags)}" if plan.tags else ""
        raise ValueError(f"no user class has a task{tagged}")
    return [_paced(kind, plan) for kind in with_tasks]


def shares(classes: list[type[Paced]], users: int) -> dict[str, int]:
    """Return how many users of each class, by weight."""
    weight = sum(kind.weight for kind in classes)
    given: dict[str, int] = {}
    left = users
    for kind in classes:
        mine = round(left * kind.weight / weight) if weight else 0
        weight -= kind.weight
        given[kind.__name__] = mine
        left -= mine
    return given


def _paced(kind: type[locust.User], plan: Plan) -> type[Paced]:
    mixed = PacedFastLane if issubclass(kind, FastLaneUser) else Paced
    return type(kind.__name__, (mixed, kind), {"host": plan.url})


def _fetching(path: str) -> type[FastHttpUser]:
    class Fetch(FastHttpUser):
        @task
        def fetch(self) -> None:
            self.client.get(path)

    return Fetch
