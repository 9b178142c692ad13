"""``python -m readiness_kit`` is ``readiness``."""

from readiness_kit.cli import main

if __name__ == "__main__":
    main()
