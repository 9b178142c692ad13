"""Ask AWS, or a store that speaks as AWS does: by reading only, in bounds, at named places only.

The one module that knows botocore, which has no types: each answer is converted to a record here.
Keys come from AWS's usual order of places, and are neither read nor kept. Calls go to Amazon's own
hosts or to the declared endpoint: settings of the environment that would lead them elsewhere
(``AWS_ENDPOINT_URL``, proxies) are ignored, and a redirect is an error, not a way.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.sources import Visit

CONNECT_S, READ_S = 5.0, 10.0
"""Longest waits for a connection, and for the next bytes."""

ATTEMPTS = 2
"""How often one call is sent: what a store refuses twice is not asked again."""

AMAZON = ("amazonaws.com", "amazonaws.com.cn")
"""What the names of Amazon's own hosts end with."""

EXTRA = "pip install 'readiness-kit[aws]'"

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""Codes of an answer that is about the keys, or the clock they are used by."""

ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"})
"""Codes of an answer that sends the caller to another region."""

T = TypeVar("T")
Given = str | int


class Account(NamedTuple):
    """Where the calls go, and who makes them."""

    region: str = ""
    endpoint_url: str | None = None
    profile: str = ""
    ca: Path | None = None


class Body(Protocol):
    """The bytes of an answer, as they come."""

    def read(self, amt: int) -> bytes:
        """Return the next bytes, at most *amt*."""

    def close(self) -> None:
        """Let go."""


class Refused(NotSeen):
    """AWS answered with an error."""

    def __init__(self, message: str, *, code: str, hint: str) -> None:
        """Keep the *code* of the error."""
        super().__init__(message, hint=hint)
        self.code = code


class _Events(Protocol):
    def register_first(self, event_name: str, handler: Callable[..., None]) -> None: ...


class _Prepared(Protocol):
    url: str


class _Answered(Protocol):
    status_code: int
    headers: Mapping[str, str]


class Aws:
    """One service of AWS, asked in the course of one visit."""

    def __init__(self, visit: Visit, service: str, account: Account) -> None:
        """Prepare; nothing is sent.

        Raises:
            NotSeen: botocore is not installed, or AWS's settings are wrong.

        """
        try:
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
            from botocore.session import Session
        except ImportError as error:
            raise NotSeen(
                "botocore is not installed, and without it AWS is not asked", hint=EXTRA
            ) from error
        if account.ca is not None and not account.ca.is_file():
            raise NotSeen(f"{account.ca} is no file", hint="correct the path of the authority")
        self._visit = visit
        self._account = account
        config = Config(
            connect_timeout=min(CONNECT_S, visit.remaining_s),
            read_timeout=min(READ_S, visit.remaining_s),
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            proxies={},
            ignore_configured_endpoint_urls=True,
            user_agent_extra=f"readiness-kit/{visit.run_id}",
            # Stores other than Amazon's know nothing of its newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            session = Session(profile=account.profile or None)
            session.register_component("data_loader", _loader())
            self._client = session.create_client(
                service,
                region_name=account.region or None,
                config=config,
                endpoint_url=account.endpoint_url,
                verify=str(account.ca) if account.ca else None,
            )
        except (BotoCoreError, ValueError) as error:
            _unasked(error, account)
        self.region: str = str(self._client.meta.region_name)
        self.host: str = urlsplit(str(self._client.meta.endpoint_url)).hostname or ""
        events: _Events = self._client.meta.events
        events.register_first("before-send", self._before)
        # Ahead of botocore's own, which asks a bucket that points elsewhere where it is, endlessly.
        events.register_first(f"needs-retry.{service}", self._after)

    @property
    def of_amazon(self) -> bool:
        """Whether it is Amazon itself that is asked."""
        return self._account.endpoint_url is None

    def ask(self, operation: str, kind: type[T], *, needs: str, **given: Given) -> T:
        """Return the answer to *operation*, for which the caller *needs* a permission.

        Raises:
            NotSeen: No answer, or none of this kind; :class:`Refused` where it is an error.

        """
        answer = self._sent(operation, needs, given)
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            said = f"{self.host} answers {operation} with something else: {error}"
            raise NotSeen(said) from error

    def body(self, operation: str, *, needs: str, **given: Given) -> Body:
        """Return the bytes that *operation* gives.

        Raises:
            NotSeen: As :meth:`ask`.

        """
        body: Body = self._sent(operation, needs, given)["Body"]  # type: ignore[assignment]
        return _Stream(body, self._visit, self._account)

    def _sent(self, operation: str, needs: str, given: Mapping[str, Given]) -> Mapping[str, object]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        _ = self._visit.remaining_s
        call: Callable[..., Mapping[str, object]] = getattr(self._client, operation)
        try:
            return call(**given)
        except ClientError as error:
            _refused(str(error.response.get("Error", {}).get("Code", "")), needs, given)
        except (BotoCoreError, ResponseParserError) as error:
            _unasked(error, self._account)

    def _before(self, request: _Prepared, **_rest: object) -> None:
        host = urlsplit(request.url).hostname or ""
        own = AMAZON if self.of_amazon else (self.host,)
        if not any(host == one or host.endswith(f".{one}") for one in own):
            raise NotSeen(f"{host} is neither Amazon's nor the declared endpoint")
        _ = self._visit.remaining_s
        self._visit.meter.count("aws_requests")

    def _after(
        self, response: tuple[_Answered, Mapping[str, Mapping[str, object]]] | None, **_rest: object
    ) -> None:
        """Refuse to go where an answer points: botocore would follow it to another region."""
        if response is None:
            return
        answered, parsed = response
        error = parsed.get("Error", {})
        moved = 300 <= answered.status_code < 400 and answered.status_code != 304
        if moved or error.get("Code") in ELSEWHERE:
            there = answered.headers.get("x-amz-bucket-region") or error.get("Region")
            raise NotSeen(
                f"the bucket lies in {there or 'another region'}, and was asked for in "
                f"{self.region}",
                hint="correct backups.bucket.region",
            )


@functools.cache
def _loader() -> object:
    """Return what reads the descriptions of the services, which are large, and remembers them."""
    from botocore.loaders import create_loader

    loader: object = create_loader()
    return loader


class _Stream:
    """The bytes of an answer, counted, and no later than the deadline."""

    def __init__(self, body: Body, visit: Visit, account: Account) -> None:
        self._body = body
        self._visit = visit
        self._account = account

    def read(self, amt: int) -> bytes:
        from botocore.exceptions import BotoCoreError

        _ = self._visit.remaining_s
        try:
            data = self._body.read(amt)
        except BotoCoreError as error:
            _unasked(error, self._account)
        self._visit.meter.count("bytes", len(data))
        return data

    def close(self) -> None:
        self._body.close()


def _refused(code: str, needs: str, given: Mapping[str, Given]) -> NoReturn:
    """Say what an error of AWS's is about.

    Its own words are left out: they name accounts, and may repeat what they were sent.
    """
    of = "/".join(str(given[one]) for one in ("Bucket", "Prefix", "Key") if given.get(one))
    hint = "look at it by the aws command line, with the same profile"
    said = f"{code or 'an error'} on {of}" if of else code
    if code in DENIED:
        said = f"{needs} is denied" + (f" on {of}" if of else "")
        hint = (
            "allow the kit's role that; AWS says so of what is not there, too, to who may not list"
        )
    elif code in KEYS:
        said = f"the keys are refused: {code}"
        hint = "renew them (aws sso login, a new session), and set the clock"
    elif code == "NoSuchBucket":
        said = f"there is no bucket {given.get('Bucket')}"
        hint = "correct backups.bucket.url"
    raise Refused(said, code=code, hint=hint)


def _unasked(error: Exception, account: Account) -> NoReturn:
    """Say why there was no answer; words that may hold keys are left out."""
    from botocore import exceptions as why

    where = account.endpoint_url or "AWS"
    if isinstance(error, (why.NoCredentialsError, why.PartialCredentialsError)):
        raise NotSeen(
            "no AWS keys were found",
            hint="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of a role that "
            "may only read",
        ) from None
    if isinstance(error, why.ProfileNotFound):
        raise NotSeen(
            f"AWS's settings have no profile {account.profile!r}", hint="correct the profile"
        ) from None
    if isinstance(error, (why.HTTPClientError, why.ConnectionError, why.NoRegionError, ValueError)):
        raise NotSeen(f"{where} does not answer: {error}", hint="check URL and region") from None
    raise NotSeen(
        f"{where} was not asked: {type(error).__name__}",
        hint="look at it by the aws command line, with the same profile",
    ) from None
