"""The ``readiness`` command: parses, and hands over to one module per command.

Commands are loaded when they are called, so that ``readiness --help`` answers at once.
"""

import difflib
import importlib
import sys
from typing import NoReturn

import click

from readiness_kit import __version__
from readiness_kit.commands.lines import one_line
from readiness_kit.errors import ReadinessError, UsageError

COMMANDS = {
    "demo": "Assess the embedded deployment from start to signed report.",
    "sandbox": "Start, inspect, break and stop the embedded deployment.",
    "init": "Write a commented readiness.yaml, the notebooks and the load scenario.",
    "list": "List the 80 items and their claims.",
    "explain": "Say what an item asserts, how it is proven, and what to do when it is red.",
    "plan": "Say what a run would ask of the target, without asking it.",
    "check": "Judge in the terminal, without notebooks.",
    "run": "Execute the notebooks and write a run folder.",
    "load": "Run one load profile.",
    "worker": "Generate load on this host for a test that runs on another.",
    "report": "Rebuild a report from a run's stored facts.",
    "runs": "List run folders, and remove old ones.",
    "diff": "Say what changed between two runs.",
    "drift": "Look again, and say what no longer stands of a signed run.",
    "waive": "Accept a red claim until a date, signed by the role that owns it.",
    "attest": "Vouch for what no probe can see, signed by the role that owns it.",
    "drilled": "Sign for a drill: when it was, what came of it, what was learnt.",
    "sign": "Sign a run for one of the four roles.",
    "bundle": "Write a run to one archive, for people who sign elsewhere.",
    "collect": "Take back what was signed elsewhere, each checked as it comes.",
    "verify": "Verify a signed run, offline.",
    "prove": "Break the sandbox and demand that exactly the right claims turn red.",
    "schema": "Print a JSON Schema.",
}
"""Every command and its one line, in the order a newcomer needs them."""


INSTALL = (
    "pip install 'readiness-kit[sandbox,jupyter]'; in a checkout, any verb of make renews .venv"
)
"""What to do about a package that is missing, or newer than the environment."""


class Lazy(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"readiness_kit.commands.{cmd_name}")
        command = module.command
        if not isinstance(command, click.Command):
            message = f"{module.__name__}.command is no command"
            raise TypeError(message)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* name; a word near to one is answered with that one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = (
                f"did you mean {' or '.join(close)}?" if close else "`readiness --help` lists them"
            )
            raise UsageError(f"no command {args[0]!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="readiness")
def readiness() -> None:
    """Prove, explore and sign that a service is ready for production.

    Exit codes: 0 GO or done, 1 NO-GO, 2 usage or configuration, 3 UNDECIDED, 4 integrity.
    """


def main() -> NoReturn:
    """Run the command line; every error ends in one clear message and its exit code."""
    try:
        code = readiness.main(standalone_mode=False, auto_envvar_prefix="READINESS")
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        code = 130
    except ReadinessError as error:
        click.echo(_visible(f"readiness: {error}"), err=True)
        code = error.exit_code
    except BrokenPipeError:
        code = 141
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "readiness_kit"):
            raise
        click.echo(_visible(f"readiness: the package {package} is not installed"), err=True)
        click.echo(f"  next: {INSTALL}", err=True)
        code = ReadinessError.exit_code
    except OSError as error:
        # Of the operator's machine: what the target does wrong is a fact and never gets here.
        where = f"{error.filename}: " if error.filename else ""
        click.echo(_visible(f"readiness: {where}{error.strerror or error}"), err=True)
        click.echo("  next: check the path, its permissions and the space that is left", err=True)
        code = ReadinessError.exit_code
    sys.exit(code if isinstance(code, int) else 0)


def _visible(text: str) -> str:
    """Return *text* such that nothing in it moves the cursor; further lines are indented."""
    first, *more = map(one_line, text.split("\n"))
    return "\n  ".join([first, *(line.strip() for line in more)])
