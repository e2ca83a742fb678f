"""What a page of the documentation says to write, with a site's own values in it."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.docs import site
from tests.docs.markdown import ROOT, blocks_of

OWN: dict[str, Any] = json.loads(os.environ["SITE"])
"""The site's address, client and provider."""
REPLACED = {
    "https://idp.example.com/realms/main": OWN["issuer"],
    '"https://idp.example.com"': f'"{OWN["issuer"]}"',
    '"site"': f'"{OWN["client_id"]}"',
    '"..."': f'"{OWN["client_secret"]}"',
}


def fragments(page: str) -> dict[str, str]:
    """Return the Python of a page, by the file names in the first lines; the first of each."""
    text = (ROOT / page).read_text()
    for said, own in REPLACED.items():
        text = text.replace(said, own)
    parts = [
        part
        for block in blocks_of(text)
        if block.language == "python"
        for part in block.fragments()
    ]
    return {part.first_line: part.text for part in reversed(parts)}


def settings(page: str, existing: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that a page says, with a site's existing ones where it has dots."""
    written: dict[str, Any] = {}
    exec(fragments(page)["# settings.py"], written)
    return {
        name: site.filled(value, existing.get(name, []))
        for name, value in written.items()
        if name.isupper()
    }


def urls(page: str, **names: Any) -> list[Any]:
    """Return the URL patterns that a page says."""
    text = fragments(page)["# urls.py"]
    if "urlpatterns" in text:
        exec(text, names)
        return names["urlpatterns"]
    return eval(f"[{text}]", names)
