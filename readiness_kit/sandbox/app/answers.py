"""Answers: what a caller may know of a failure, in one form everywhere.

FraiseQL masks every error alike in production. The reasons noted on the way are put back here.
"""

import json
from collections.abc import Iterable
from traceback import format_exception

from starlette.responses import JSONResponse
from starlette.types import Message, Send

from readiness_kit.sandbox.app.call import Call, Refused

_STATUS = {
    "METHOD_NOT_ALLOWED": 405,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNAUTHENTICATED": 401,
    "INTROSPECTION_DISABLED": 403,
}
_HEADERS = {
    "METHOD_NOT_ALLOWED": {"allow": "POST"},
    "UNAUTHENTICATED": {"www-authenticate": 'Bearer realm="quill"'},
}
_LENGTH = b"content-length"
_MASKED = b'"errors":[{"message":"Internal server error"'
_RETRY_AFTER_S = b"2"


def refusal(reason: Refused, call: Call, *, reveal: bool = False) -> JSONResponse:
    """Return the answer to a request that is not passed on; *reveal* adds what nobody may see."""
    call.failures.append((reason, []))
    status, headers = _STATUS.get(reason.code, 400), _HEADERS.get(reason.code)
    inside = {"debug": format_exception(reason)} if reveal else {}
    return JSONResponse({"errors": list(errors(call)), **inside}, status, headers=headers)


def crash(error: Exception, call: Call, *, reveal: bool = False) -> JSONResponse:
    """Return the answer to a request that failed for no foreseen reason."""
    call.failures.append((None, []))
    inside = {"debug": format_exception(error)} if reveal else {}
    return JSONResponse({"errors": list(errors(call)), **inside}, 500)


def errors(call: Call) -> Iterable[dict[str, object]]:
    """Yield the errors of *call* as GraphQL shows them; the unexpected ones say nothing."""
    for reason, path in call.failures:
        shown = reason or Refused("Internal server error", "INTERNAL_SERVER_ERROR")
        where: dict[str, object] = {"path": path} if path else {}
        extensions = {"code": shown.code, "requestId": call.id}
        yield {"message": shown.message, **where, "extensions": extensions}


def explained(call: Call, send: Send) -> Send:
    """Return a channel that completes FraiseQL's answer: reasons, status, state of the cache."""
    started: Message = {}

    async def complete(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
            return
        body: bytes = message["body"]
        if _MASKED in body and not call.failures:
            call.failures.append((None, []))
        if call.failures:
            answer = {"data": json.loads(body).get("data"), "errors": list(errors(call))}
            body = json.dumps(answer, separators=(",", ":")).encode()
        status = 503 if call.unavailable else started["status"]
        await send({**started, "status": status, "headers": _headers(call, started, body)})
        await send({**message, "body": body})

    return complete


def _headers(call: Call, started: Message, body: bytes) -> list[tuple[bytes, bytes]]:
    headers = [pair for pair in started["headers"] if pair[0] != _LENGTH]
    headers.append((_LENGTH, str(len(body)).encode()))
    if call.cache_state:
        headers.append((b"x-cache", call.cache_state.encode()))
    if call.unavailable:
        headers.append((b"retry-after", _RETRY_AFTER_S))
    return headers
