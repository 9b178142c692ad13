"""Settings from the environment, and faults as changes of them."""

from pathlib import Path

import pytest

from readiness_kit.errors import UsageError
from readiness_kit.sandbox.app.faults import FAULTS, inject
from readiness_kit.sandbox.app.settings import Settings

SECRET = {"JWT_SECRET": "ab" * 32}


def test_environment_is_read_into_its_types():
    settings = Settings.from_environment(
        {**SECRET, "APP_LOG_FILE": "/tmp/x.jsonl", "APP_POOL_SIZE": "7", "REDIS_CA": ""}
    )
    assert settings.log_file == Path("/tmp/x.jsonl")
    assert settings.pool_size == 7
    assert settings.redis_ca is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "32 bytes"),
        ({"JWT_SECRET": "ab" * 31}, "32 bytes"),
        ({**SECRET, "APP_VARIANT": "soft"}, "makes no sense"),
        ({**SECRET, "APP_POOL_SIZE": "many"}, "makes no sense"),
    ],
)
def test_nonsense_is_refused(environment, said):
    with pytest.raises(UsageError, match=said):
        Settings.from_environment(environment)


def test_stock_needs_no_secret():
    assert Settings.from_environment({"APP_VARIANT": "stock"}).variant == "stock"


def test_what_is_no_fault_is_refused():
    with pytest.raises(UsageError, match="'gremlins' is no fault"):
        inject(Settings(), "stall,gremlins")


def test_no_fault_is_the_default():
    assert inject(Settings(), " , ") == Settings()


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_changes_something(name):
    assert inject(Settings(), name) != Settings()


def test_faults_add_up():
    settings = inject(Settings(), "stall, no_cache")
    assert settings.stall_every_s == 10.0
    assert not settings.cache_reads
