"""The command line of packaging."""

import argparse
import shutil
import sys
from pathlib import Path

from twin.packaging.browser_runtime import NoRuntime, browser_runtime
from twin.packaging.build import PackagingFailed, package
from twin.settings import PROJECT_ROOT


def main() -> None:
    """Package, and print the template's path."""
    parser = argparse.ArgumentParser(prog="python -m twin.packaging", description="Package the control plane.")
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "build" / "package", help="folder for sam.yaml and deployment.zip")
    parser.add_argument("--project", type=Path, default=PROJECT_ROOT, help="folder with functions/, src/, infra/ and statemachines/")
    parser.add_argument("--assets", action="store_true", help="also what browsers load: assets/, for the artifact bucket")
    options = parser.parse_args()
    try:
        print(package(options.project.resolve(), options.out.resolve()))
        if options.assets:
            _copy_assets(options.out.resolve())
    except (PackagingFailed, NoRuntime) as error:
        sys.exit(f"packaging failed: {error}")


def _copy_assets(out: Path) -> None:
    """What belongs into the artifact bucket, by key."""
    for key, file in browser_runtime().items():
        target = out / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


if __name__ == "__main__":
    main()
