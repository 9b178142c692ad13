"""Reads back from the error tracker what the service sent to it."""

import ssl
import time
from collections.abc import Iterable

import httpx
import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.errors.tracking import TrackedEvent, TrackerSeen
from readiness_kit.probes.api.graphql import bearer
from readiness_kit.sources import Visit

ARRIVES_S = 60.0
"""How long an event may take (default of the kit)."""

POLL_S = 0.5
"""From one look at the list to the next, doubled each time up to LONGEST_POLL_S."""

LONGEST_POLL_S = 8.0


class _Tag(msgspec.Struct, frozen=True):
    key: str
    value: str | None = None


class _Event(msgspec.Struct, frozen=True):
    """One event of Sentry's API; GlitchTip's is the same."""

    eventID: str  # noqa: N815 - the API's own names
    tags: tuple[_Tag, ...] = ()


class Listing:
    """The list of events, before and after."""

    def __init__(self, visit: Visit, url: str) -> None:
        """Remember what the list at *url* holds already."""
        self._visit = visit
        self._url = url
        self.status, self.reason = 0, ""
        self._before = frozenset(self._list())
        self._seen_before = not self.reason

    def after(self, references: Iterable[str]) -> TrackerSeen:
        """Wait until an event of each error is listed, or the time is up.

        *references* are the request ids of the errors; an empty one may be any new event.
        """
        errors = tuple(references)
        wanted = {one for one in errors if one}
        began, pause_s = time.monotonic(), POLL_S
        while True:
            fresh = {key: one for key, one in self._list().items() if key not in self._before}
            events = tuple(_event(key, raw, tuple(wanted)) for key, raw in fresh.items())
            there = {one.reference for one in events}
            waited_s = time.monotonic() - began
            left_s = min(ARRIVES_S - waited_s, self._visit.remaining_s - 2 * POLL_S)
            complete = there >= wanted and len(events) >= len(errors)
            if complete or left_s <= 0 or not self._seen_before:
                break
            time.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, LONGEST_POLL_S)
        return TrackerSeen(
            status=self.status,
            before=len(self._before),
            events=events,
            environment=self._visit.target.error_tracking.environment,
            waited_s=round(waited_s, 2),
            reason=self.reason,
        )

    def _trust(self) -> ssl.SSLContext | None:
        """Return a context that trusts the system's authorities, and the declared one besides."""
        if not self._url.startswith("https:"):
            return None
        context = ssl.create_default_context()
        if self._visit.api.ca:
            context.load_verify_locations(self._visit.api.ca)
        return context

    def _list(self) -> dict[str, bytes]:
        """Return the listed events by id, and note how the tracker answered."""
        token = self._visit.target.error_tracking.token
        headers = bearer(token) if token else {}
        self.status, self.reason = 0, ""
        try:
            trust = self._trust()
            with self._visit.client(self._url, verify=trust, headers=headers) as client:
                answer = client.get(_path(self._url), params={"full": "true"})
            self.status = answer.status_code
            if self.status == httpx.codes.OK:
                return _by_id(answer.content)
            self.reason = f"the tracker answered {self.status}"
        except (OSError, httpx.HTTPError, NotSeen, msgspec.MsgspecError, RecursionError) as error:
            self.reason = f"{type(error).__name__}: {error}"[:200]
        return {}


def listing(visit: Visit) -> Listing | None:
    """Look at the declared list of events; None where none is declared."""
    url = visit.target.error_tracking.events_url
    return Listing(visit, url) if url else None


def _path(url: str) -> str:
    return httpx.URL(url).path


def _by_id(content: bytes) -> dict[str, bytes]:
    raw = msgspec.json.decode(content, type=list[msgspec.Raw])
    return {msgspec.json.decode(one, type=_Event).eventID: bytes(one) for one in raw}


def _event(key: str, raw: bytes, references: tuple[str, ...]) -> TrackedEvent:
    tags = {one.key: one.value or "" for one in msgspec.json.decode(raw, type=_Event).tags}
    return TrackedEvent(
        id=key,
        environment=tags.get("environment", ""),
        release=tags.get("release", ""),
        reference=next((one for one in references if one.encode() in raw), ""),
    )
