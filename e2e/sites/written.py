"""What a page of the documentation says to write, with a site's own values in it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.urls import include, path

from tests.docs import site
from tests.docs.markdown import ROOT, blocks_of, fragments_of

OWN: dict[str, Any] = json.loads(os.environ["SITE"])
"""The site's address, client and provider."""
REPLACED = {
    "https://idp.example.com/realms/main": OWN["issuer"],
    '"https://idp.example.com"': f'"{OWN["issuer"]}"',
    '"site"': f'"{OWN["client_id"]}"',
    '"..."': f'"{OWN["client_secret"]}"',
}


def fragments(page: str, section: str = "") -> dict[str, str]:
    """Return the Python of a page, or of one section, by the file names in the first lines."""
    return fragments_of(page, section, REPLACED)


def package(name: str, text: str) -> None:
    """Write a module of the package `mysite`, which can then be imported."""
    folder = Path(os.environ["DATABASE"]).parent / OWN["client_id"] / "mysite"
    folder.mkdir(parents=True)
    folder.joinpath(f"{name}.py").write_text(text)
    sys.path.insert(0, str(folder.parent))


def settings(page: str, existing: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that a page says, with a site's existing ones where it has dots."""
    written: dict[str, Any] = {}
    exec(fragments(page)["# settings.py"], written)
    return {
        name: site.filled(value, existing.get(name, []))
        for name, value in written.items()
        if name.isupper()
    }


def urls(page: str, section: str = "", **names: Any) -> list[Any]:
    """Return the URL patterns that a page says, or one of its sections."""
    names |= {"path": path, "include": include}
    text = fragments(page, section)["# urls.py"]
    if "urlpatterns" in text:
        exec(text, names)
        return names["urlpatterns"]
    return eval(f"[{text}]", names)


def button() -> str:
    """Return the template of the button that the README says to put on a page."""
    text = (ROOT / "README.md").read_text()
    return next(block.text for block in blocks_of(text) if block.language == "html")
