"""``python -m fivefold``."""

from fivefold.cli.main import run

if __name__ == "__main__":
    run()
