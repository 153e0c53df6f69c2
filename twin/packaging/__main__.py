"""The command line of packaging."""

import argparse
import sys
from pathlib import Path

from twin.packaging.build import PackagingFailed, package
from twin.settings import PROJECT_ROOT


def main() -> None:
    """Package, and print the template's path."""
    parser = argparse.ArgumentParser(prog="python -m twin.packaging", description="Package the control plane.")
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "build" / "package", help="folder for sam.yaml and deployment.zip")
    parser.add_argument("--project", type=Path, default=PROJECT_ROOT, help="folder with functions/, src/, infra/ and statemachines/")
    options = parser.parse_args()
    try:
        print(package(options.project.resolve(), options.out.resolve()))
    except PackagingFailed as error:
        sys.exit(f"packaging failed: {error}")


if __name__ == "__main__":
    main()
