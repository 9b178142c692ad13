"""A target of which nothing is configured: every claim is UNKNOWN, and nobody is asked."""

import pytest

from readiness_kit.assessment import Assessment


@pytest.fixture
def target_file(tmp_path):
    file = tmp_path / "readiness.yaml"
    file.write_text("schema: 1\nname: quill\nenvironment: staging\n", encoding="utf-8")
    return file


@pytest.fixture
def assessment(target_file, tmp_path):
    return Assessment.open(target_file, tmp_path / "run", only=("documentation",))
