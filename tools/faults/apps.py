"""Puts the fault points into the site's processes; the package itself does not contain them."""

from django.apps import AppConfig


class Faults(AppConfig):
    name = "tools.faults"
    label = "faults"

    def ready(self):
        from . import fault_points  # noqa: PLC0415  # it imports what Django is not ready for before

        fault_points.install()
