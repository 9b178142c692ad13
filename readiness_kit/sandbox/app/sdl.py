"""Print the schema: ``python -m readiness_kit.sandbox.app.sdl``; no database is needed."""

import sys

from graphql import print_schema


def sdl() -> str:
    """Return the schema of the hardened variant in GraphQL's schema language."""
    from readiness_kit.sandbox.app import schema

    return print_schema(schema.build()) + "\n"


if __name__ == "__main__":
    sys.stdout.write(sdl())
