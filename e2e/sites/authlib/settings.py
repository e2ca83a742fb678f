"""What docs/how-to/authlib.md says, with the callback of docs/how-to/leavers.md."""

import os

from e2e.sites import written
from e2e.sites.base import *  # noqa: F403
from e2e.sites.written import OWN

PAGE = "docs/how-to/authlib.md"

globals().update(written.settings(PAGE, globals()))

ROOT_URLCONF = "e2e.sites.authlib.urls"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # its provider is on loopback

FILE = "# mysite/sign_in.py"
_CODE = written.fragments(PAGE)[FILE]
if OWN["forgets"]:
    _CODE = "\n".join(line for line in _CODE.splitlines() if "    remember_login(" not in line)
else:
    _CODE += written.fragments("docs/how-to/leavers.md")[FILE]
written.package("sign_in", _CODE)
