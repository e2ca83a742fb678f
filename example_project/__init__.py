"""Two small sites that sign people in, and completely out, through OpenID Connect."""

import os
from pathlib import Path

# The databases, the keys and the logs of the demo are here, unless DEMO_VAR says otherwise.
os.environ.setdefault("DEMO_VAR", str(Path(__file__).parent / "var"))
