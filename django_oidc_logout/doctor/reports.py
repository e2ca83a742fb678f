"""The doctor: asks the provider, tries the site, and says what is wrong and what to do about it.

An inspection is a function that is given what it examines and yields findings. To add one, write
it in one of the rooms beside this one, and name it in `INSPECTIONS` there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..conf import conf
from ..exceptions import ProviderUnavailable
from ..providers import configured
from .addresses import INSPECTIONS as OF_ADDRESSES
from .addresses import registration
from .compatibility import INSPECTIONS as OF_COMPATIBILITY
from .findings import Finding, error, examine, failure
from .inspected import inspect_provider
from .provider import INSPECTIONS as OF_PROVIDER
from .recipes import Registration, recipe, vendor_of
from .site import INSPECTIONS as OF_THE_SITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..conf import ProviderOptions
    from .inspected import InspectedProvider

OF_PROVIDERS = (*OF_PROVIDER, *OF_COMPATIBILITY, *OF_ADDRESSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """What was found about a provider, and what is to be registered there."""

    options: ProviderOptions
    findings: tuple[Finding, ...]
    register: Registration | None = None
    """None where there is nothing to register."""
    recipe: str = ""
    """Commands to paste; empty if the vendor is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found."""

    site: tuple[Finding, ...]
    providers: tuple[ProviderReport, ...]

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, those of the site first."""
        yield from self.site
        for provider in self.providers:
            yield from provider.findings

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are none."""
        return all(finding.status != "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return what a machine reads: see docs/reference/commands.md."""
        return {
            "ok": self.ok,
            "site": {"findings": _as_dicts(self.site)},
            "providers": {
                provider.options.alias: {
                    "findings": _as_dicts(provider.findings),
                    "register": asdict(provider.register) if provider.register else {},
                    "recipe": provider.recipe,
                }
                for provider in self.providers
            },
        }


def _as_dicts(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def report(aliases: Iterable[str], *, site: str = "", vendor: str = "") -> Report:
    """Examine the site and its providers.

    Args:
        aliases: of the providers to ask.
        site: the site's base address, if it is not to be guessed.
        vendor: one of `registration.VENDORS`, if the issuer is not to tell.
    """
    return Report(
        site=examine(OF_THE_SITE, None),
        providers=tuple(_provider(alias, site, vendor) for alias in aliases),
    )


def _provider(alias: str, site: str, vendor: str) -> ProviderReport:
    options = conf.OIDC_LOGOUT_PROVIDERS[alias]
    try:
        inspected = inspect_provider(configured.provider_for(alias), site=site)
        return _examined(inspected, vendor or vendor_of(options.issuer))
    except ProviderUnavailable as exc:
        remedy = "Name a subclass of django_oidc_logout.providers.OIDCProvider."
        found = error("backend", f"{exc}.", remedy)
    except Exception as exc:  # noqa: BLE001  # as in `examine`: settings may hold anything
        found = failure("the provider", exc)
    return ProviderReport(options=options, findings=(found,))


def _examined(inspected: InspectedProvider, vendor: str) -> ProviderReport:
    register = registration(inspected)
    return ProviderReport(
        options=inspected.options,
        findings=examine(OF_PROVIDERS, inspected),
        register=register,
        recipe=recipe(vendor, register, inspected.options) if register and vendor else "",
    )
