"""What a notebook is told: names of files and options, all text, never a secret."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from readiness_kit.contents import EFFECTS, Effect
from readiness_kit.errors import UsageError

PARAMETERS = {"target_file": "readiness.yaml", "run_dir": "", "allow": "", "replay_from": ""}
"""Every parameter of every notebook, with its default."""


def checked_parameters(pairs: Sequence[str]) -> dict[str, str]:
    """Return the ``NAME=VALUE`` *pairs* as parameters; every value is text.

    Raises:
        UsageError: Not of that form, or no parameter of the notebooks.

    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"-p {pair}: wanted NAME=VALUE")
        if name not in PARAMETERS:
            close = difflib.get_close_matches(name, PARAMETERS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(PARAMETERS)}"
            raise UsageError(f"the notebooks have no parameter {name!r}", hint=hint)
        found[name] = value
    return found


def parse_effects(allow: str) -> tuple[Effect, ...]:
    """Return the effects that *allow* names, separated by commas or spaces.

    Raises:
        UsageError: An unknown effect.

    """
    words = [word for word in re.split(r"[,\s]+", allow) if word]
    for word in words:
        if word not in EFFECTS:
            raise UsageError(f"allow: unknown effect {word!r}", hint=f"one of {', '.join(EFFECTS)}")
    return tuple(effect for effect in EFFECTS if effect in words)


def find_target(target_file: str) -> Path:
    """Return the target file, sought in the working directory and then above it.

    JupyterLab runs a notebook in the notebook's own folder, which is beside ``readiness.yaml``.
    """
    file = Path(target_file)
    above = Path("..") / file
    return above if not file.is_absolute() and not file.exists() and above.exists() else file
