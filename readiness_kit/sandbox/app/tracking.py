"""Error tracking: what is logged as an error is sent to a tracker that speaks Sentry's protocol."""

from readiness_kit.errors import UsageError
from readiness_kit.sandbox.app.settings import Settings

TRACES_SAMPLE_RATE = 0.1


def configure(settings: Settings) -> None:
    """Send errors to the address in ``SENTRY_DSN``; do nothing where there is none.

    Raises:
        UsageError: There is an address, and no client is installed.

    """
    if not settings.tracker:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.logging import LoggingIntegration
    except ImportError:
        raise UsageError(
            "SENTRY_DSN is set, and sentry-sdk is not installed", hint="pip install sentry-sdk"
        ) from None
    sentry_sdk.init(
        dsn=settings.tracker,
        environment=settings.environment,
        release=settings.release,
        server_name=settings.instance,
        traces_sample_rate=TRACES_SAMPLE_RATE,
        include_local_variables=False,  # they hold tokens
        auto_enabling_integrations=False,
        default_integrations=False,
        integrations=[LoggingIntegration()],
    )
