"""System checks of the channel layers, which notify open sockets that their session has ended."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning

from ..conf import conf

APP = "django_oidc_logout.contrib.channels"
IN_MEMORY = "channels.layers.InMemoryChannelLayer"
REDIS = "channels_redis.core.RedisChannelLayer"


def check_layers() -> list[CheckMessage]:
    """Check that a channel layer is configured."""
    if not apps.is_installed(APP) or _layers():
        return []
    return [
        Warning(
            "CHANNEL_LAYERS is empty: open sockets notice only minutes later that their session "
            "has ended.",
            hint=f'Configure a channel layer, such as "{REDIS}".',
            id="oidc_logout.W058",
        )
    ]


def check_shared_layers() -> list[CheckMessage]:
    """Check that all processes share the channel layers."""
    return [
        Warning(
            f"The channel layer {alias!r} is in the memory of one process: sockets of the others "
            "notice only minutes later that their session has ended.",
            hint=f'Configure a layer that all processes share, such as "{REDIS}".',
            id="oidc_logout.W059",
        )
        for alias, layer in _layers().items()
        if apps.is_installed(APP) and isinstance(layer, dict) and layer.get("BACKEND") == IN_MEMORY
    ]


def _layers() -> dict[Any, Any]:
    layers = conf.raw("CHANNEL_LAYERS", {})
    return layers if isinstance(layers, dict) else {}


CHECKS = (check_layers,)
