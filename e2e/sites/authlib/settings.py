"""What docs/how-to/authlib.md says."""

import os
import sys
from pathlib import Path

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

PAGE = "docs/how-to/authlib.md"

globals().update(written.settings(PAGE, globals()))

ROOT_URLCONF = "e2e.sites.authlib.urls"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # its provider is on loopback

_CODE = written.fragments(PAGE)["# mysite/sign_in.py"]
if OWN["forgets"]:
    _CODE = "\n".join(line for line in _CODE.splitlines() if "    remember_login(" not in line)
_PACKAGE = Path(os.environ["DATABASE"]).parent / OWN["client_id"] / "mysite"
_PACKAGE.mkdir(parents=True)
_PACKAGE.joinpath("sign_in.py").write_text(_CODE)
sys.path.insert(0, str(_PACKAGE.parent))
