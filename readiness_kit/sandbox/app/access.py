"""Who may do what: one rule a field, and the wrapper that enforces and records it.

A root field without a rule keeps the service from starting.
"""

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable

from graphql import GraphQLField, GraphQLResolveInfo

from readiness_kit.sandbox.app.call import ROLES, Call, Refused, Viewer
from readiness_kit.sandbox.app.logs import audit
from readiness_kit.sandbox.app.types import User

Rule = Callable[[Viewer, object], bool]
Resolver = Callable[..., Awaitable[object]]
_log = logging.getLogger("quill.resolver")


def any_of(*roles: str) -> Rule:
    """Allow viewers with one of *roles*."""
    wanted = frozenset(roles)
    return lambda viewer, _: bool(viewer.roles & wanted)


def self_or_admin(viewer: Viewer, user: object) -> bool:
    """Allow the user spoken of, and administrators."""
    return viewer.is_admin or (isinstance(user, User) and str(user.id) == viewer.id)


RULES: dict[str, Rule] = {
    "Query.users": any_of(*ROLES),
    "Query.user": any_of(*ROLES),
    "Query.posts": any_of(*ROLES),
    "Query.post": any_of(*ROLES),
    "Query.me": any_of(*ROLES),
    "Mutation.createPost": any_of("editor", "admin"),
    "Mutation.updatePost": any_of("editor", "admin"),
    "Mutation.deletePost": any_of("editor", "admin"),
    "User.email": self_or_admin,
}
"""The rule of each root field and of each restricted field, by ``Type.field``."""


def guarded(coordinate: str, field: GraphQLField, *, enforce: bool) -> Resolver:
    """Return a resolver for *field* that obeys its rule, and notes why it fails."""
    rule = RULES[coordinate] if enforce else any_of(*ROLES)
    resolve = field.resolve
    if resolve is None:
        raise TypeError(f"{coordinate} has no resolver")

    async def resolver(source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        call: Call = info.context["call"]
        try:
            _demand(rule, coordinate, call, source)
            answer = resolve(source, info, **arguments)
            return await answer if isawaitable(answer) else answer
        except Refused as reason:
            call.failures.append((reason, info.path.as_list()))
            raise
        except Exception:
            _log.exception("unexpected", extra={"request_id": call.id, "field": coordinate})
            call.failures.append((None, info.path.as_list()))
            raise

    return resolver


def _demand(rule: Rule, coordinate: str, call: Call, source: object) -> None:
    if call.viewer is None or not rule(call.viewer, source):
        audit("authorization", call, operation=coordinate, outcome="refused")
        raise Refused("You may not see or do this", "FORBIDDEN")
