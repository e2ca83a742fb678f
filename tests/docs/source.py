"""The source code of the package, as syntax trees."""

from __future__ import annotations

import ast

from tests.docs.markdown import ROOT

PACKAGE = ROOT / "django_oidc_logout"


def syntax_trees() -> dict[str, ast.Module]:
    """Return the package's modules by their dotted names."""
    trees = {}
    for path in PACKAGE.rglob("*.py"):
        if path.is_relative_to(PACKAGE / "demo"):  # a project of its own, which nobody imports
            continue
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        trees[name] = ast.parse(path.read_text())
    return trees
