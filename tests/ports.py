"""Ports for servers of the tests. This needs neither Django nor pytest."""

import secrets
import socket


def free_port():
    """Return a free port."""
    return free_ports(1)[0]


def free_ports(number):
    """Return free ports, below those that a system gives to whoever asks for any port."""
    found = []
    while len(found) < number:
        port = 10_000 + secrets.randbelow(10_000)  # pytest-randomly seeds `random`
        if port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port):
    """Return whether a port is free."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
