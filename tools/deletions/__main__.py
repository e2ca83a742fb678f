"""Delete each statement of some modules in turn, and report those whose deletion no test notices.

python -m tools.deletions                     the modules and the tests that mutmut uses
python -m tools.deletions MODULE --tests T    one module, and the tests that should notice

Run it where pyproject.toml is. It exits with 1 if a deletion survives that `allowed.toml` does not
list, or if one on the list does not survive any more.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .plugin import Plugin
from .statements import Deletion, deletions

Place = tuple[str, str, str]

ALLOWED = Path(__file__).with_name("allowed.toml")


def main() -> int:
    """Return 1 if there is something to report, or pytest's exit code if the tests fail."""
    root, options, config = Path.cwd().resolve(), _options(), _mutmut()
    paths = options.modules or [path for glob in config["only_mutate"] for path in root.glob(glob)]
    names = sorted({Path(path).resolve().relative_to(root).as_posix() for path in paths})
    found = [
        deletion
        for name in names
        for deletion in deletions(root / name, name, skip_logging=options.skip_logging)
    ]
    plugin = Plugin(found, str(root), options.patience)
    tests = options.tests or config["pytest_add_cli_args_test_selection"]
    status = pytest.main([*config["pytest_add_cli_args"], "-q", *tests], plugins=[plugin])
    if status:
        return int(status)
    allowed = {place for place in _allowed(options.allowed) if place[0] in names}
    return _report(plugin, allowed)


def _report(plugin: Plugin, allowed: set[Place]) -> int:
    survivors = {_place(deletion) for deletion in plugin.survivors}
    unexpected = [one for one in plugin.survivors if _place(one) not in allowed]
    for deletion in unexpected:
        print(f"no test notices the deletion of {deletion}")
    for place in sorted(allowed - survivors):
        print("allowed.toml lists a deletion that does not survive:", ": ".join(place))
    print(
        f"{len(plugin.deletions)} statements, {len(plugin.survivors)} survived, "
        f"{len(unexpected)} of them unexpectedly"
    )
    return int(bool(unexpected or allowed - survivors))


def _place(deletion: Deletion) -> Place:
    return deletion.path, deletion.function, deletion.text


def _allowed(path: Path) -> set[Place]:
    entries = tomllib.loads(path.read_text()).get("deletion", [])
    return {(one["module"], one["function"], one["text"]) for one in entries}


def _mutmut() -> dict[str, Any]:
    config = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    return dict(config)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.deletions", description=__doc__.split("\n")[0]
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="files of the package")
    parser.add_argument("--tests", nargs="+", metavar="TESTS", help="files or tests to run")
    parser.add_argument("--skip-logging", action="store_true", help="do not delete log messages")
    parser.add_argument("--allowed", type=Path, default=ALLOWED, help="another list of exceptions")
    help_text = "wait so much longer than three times as long as the tests usually take"
    parser.add_argument("--patience", type=int, default=10, metavar="SECONDS", help=help_text)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
