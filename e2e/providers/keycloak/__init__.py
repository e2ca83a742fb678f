"""A real Keycloak, as Maven Central distributes it: one server, one realm, a client for each test.

The fixture `keycloak` in `e2e/conftest.py` starts it. `python -m e2e.providers.keycloak` installs
it beforehand, so that no test has to wait for the download. It needs Java 17 and, unless the local
Maven repository has the distribution, Maven. KEYCLOAK_CACHE names the folder to unpack it into.
"""
