"""Logs: one JSON object a line, in a file that cannot grow without bound."""

import json
import logging
import logging.config
from datetime import UTC, datetime

from readiness_kit.sandbox.app.call import Call, Outcome
from readiness_kit.sandbox.app.settings import Settings

MAX_BYTES = 10_000_000
BACKUPS = 5
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
_requests = logging.getLogger("quill.request")
_audit = logging.getLogger("quill.audit")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object, with all that came as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(settings: Settings) -> None:
    """Send every logger of the process to one place, in one format."""
    out: dict[str, object] = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    if settings.log_file:
        out = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": str(settings.log_file),
            "maxBytes": MAX_BYTES,
            "backupCount": BACKUPS,
            "encoding": "utf-8",
        }
    passed_on = {"handlers": [], "propagate": True}
    level = settings.log_level
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {"()": JsonLines},
                "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            },
            "handlers": {"out": {**out, "formatter": settings.log_format}},
            "root": {"handlers": ["out"], "level": level},
            "loggers": {
                **dict.fromkeys(("uvicorn", "uvicorn.error", "uvicorn.access"), passed_on),
                "fraiseql": {"level": "WARNING"},  # it reports every resolver call at INFO
                "quill.audit": {"level": "INFO" if settings.audit else "CRITICAL"},
                "psycopg.pool": {"level": "ERROR"},  # repeats each failed attempt to connect
                "asyncio": {"level": "WARNING"},
            },
        }
    )


def request(call: Call, outcome: Outcome, *, user: bool) -> None:
    """Write the line of one finished request; it says who asked if *user*."""
    _requests.info(
        "request",
        extra={
            "request_id": call.id,
            **({"user_id": call.viewer.id if call.viewer else "anonymous"} if user else {}),
            "endpoint": outcome.endpoint,
            "method": outcome.method,
            "operation": call.operation,
            "status": outcome.status,
            "duration": round(outcome.duration_s, 6),
            "errors": len(call.failures),
            "cache": call.cache_state,
        },
    )


def audit(event: str, call: Call, *, operation: str, outcome: str, **more: object) -> None:
    """Write who did what, when, from where, and what came of it; *event* is the kind of act."""
    actor = call.viewer.id if call.viewer else "anonymous"
    said = {"event": event, "actor": actor, "operation": operation, "outcome": outcome}
    _audit.info("audit", extra={**said, "source": call.client, "request_id": call.id, **more})
