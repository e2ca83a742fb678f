"""Run Keycloak for as long as somebody uses it: `python -m e2e.providers.keycloak.serve FOLDER`.

Each user holds a shared lock on the file `users` in the folder, which the operating system releases
even if the user is killed. This process waits for the exclusive one, and then ends Keycloak.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from e2e.providers.keycloak.distribution import install, java

ADMIN, PASSWORD = "admin", "not-a-secret"
OPENED = ("java.util", "java.util.concurrent", "java.security", "java.lang")
THREADS = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
# What `kc.sh` passes to Java, with a smaller heap, and compiled once: a test's server is young.
JAVA_OPTIONS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Duser.language=en",
    "-Dfile.encoding=UTF-8",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={THREADS}",
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENED),
)
SSF = "--spi-ssf-transmitter--default--"
OPTIONS = (
    "--optimized",
    "--http-enabled=true",
    "--http-host=127.0.0.1",
    "--hostname-strict=false",
    "--import-realm",
    "--spi-connections-http-client--default--reuse-connections=false",  # sites may be gone
    f"{SSF}allow-insecure-push-targets=true",
    f"{SSF}outbox-drainer-interval=500ms",
    f"{SSF}min-verification-interval-seconds=0",
    f"{SSF}transmitter-initiated-verification-delay-millis=0",
)


def serve(folder: Path) -> None:
    """Start Keycloak, and end it once nobody uses it."""
    with (folder / "users").open("w") as users, (folder / "keycloak.log").open("wb") as log:
        process = subprocess.Popen(
            _command(folder),
            env=os.environ
            | {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        fcntl.flock(users, fcntl.LOCK_EX)
        process.kill()  # what it has kept belongs to this run only
        process.wait()
        (folder / "server.json").unlink(missing_ok=True)


def _command(folder: Path) -> list[str]:
    """Return the command, for a home with its own data that shares everything else."""
    port = json.loads((folder / "server.json").read_text())["port"]
    home = folder / "home"
    home.mkdir(exist_ok=True)
    for name in ("conf", "lib", "providers", "themes"):
        if not (home / name).exists():
            (home / name).symlink_to(install() / name)
    imported = home / "data" / "import"
    imported.mkdir(parents=True, exist_ok=True)
    (imported / "main-realm.json").write_bytes(
        (Path(__file__).parent / "main-realm.json").read_bytes()
    )
    return [
        java(),
        *JAVA_OPTIONS,
        f"-Dkc.home.dir={home}",
        f"-Djboss.server.config.dir={home / 'conf'}",
        "-cp",
        str(home / "lib" / "quarkus-run.jar"),
        "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
        "start",
        f"--http-port={port}",
        *OPTIONS,
    ]


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
