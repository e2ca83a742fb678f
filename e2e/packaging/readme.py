"""What the README says to write."""

import re
from pathlib import Path

_TEXT = (Path(__file__).parents[2] / "README.md").read_text()
_INSTALLATION = _TEXT[_TEXT.index("## Install it") : _TEXT.index("## What happens")]
_PYTHON = re.search(r"```python\n# settings.py\n(.*?)# urls.py\n(.*?)```", _INSTALLATION, re.DOTALL)
assert _PYTHON

SETTINGS, URLS = _PYTHON.groups()
