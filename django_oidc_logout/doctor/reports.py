"""The doctor: inspects the site and its providers, and reports each problem with its remedy.

An inspection is a function that takes what it inspects and yields findings. To add one, write it in
a module beside this one and name it in `INSPECTIONS` there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..conf import conf
from ..exceptions import ProviderUnavailable
from ..providers import configured
from . import (
    addresses,
    compatibility,
    endpoints,
    provider,
    registered,
    self_test,
    sign_ins,
    signals,
    site,
)
from .findings import Finding, error, failure, inspect
from .inspected import inspect_provider
from .recipes import Registration, recipe, vendor_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..conf import ProviderOptions
    from .inspected import InspectedProvider

SITE_INSPECTIONS = (*site.INSPECTIONS, *sign_ins.INSPECTIONS)
PROVIDER_INSPECTIONS = (
    *provider.INSPECTIONS,
    *compatibility.INSPECTIONS,
    *endpoints.INSPECTIONS,
    *addresses.INSPECTIONS,
    *signals.INSPECTIONS,
    *registered.INSPECTIONS,
    *self_test.INSPECTIONS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """The findings about a provider, and what to register there."""

    options: ProviderOptions
    findings: tuple[Finding, ...]
    register: Registration | None = None
    """The URLs to register; None if sign-out is local or the URLs are not included."""
    offered: tuple[str, ...] = ()
    """The names of the URLs in `register` that the provider accepts."""
    recipe: str = ""
    """Shell commands; empty if the vendor is not known."""
    verified_at: float | None = None
    """When the stream of security events was last verified; 0 if never; None without a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The findings about the site and its providers."""

    site: tuple[Finding, ...]
    providers: tuple[ProviderReport, ...]

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, those about the site first."""
        yield from self.site
        for each in self.providers:
            yield from each.findings

    @property
    def ok(self) -> bool:
        """Whether the report is free of errors; warnings are allowed."""
        return all(finding.status != "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON: see docs/reference/commands.md."""
        return {
            "ok": self.ok,
            "site": {"findings": _as_dicts(self.site)},
            "providers": {
                each.options.alias: {
                    "findings": _as_dicts(each.findings),
                    "register": _offered(each),
                    "recipe": each.recipe,
                }
                for each in self.providers
            },
        }


def _as_dicts(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [{"code": finding.id, **asdict(finding)} for finding in findings]


def _offered(each: ProviderReport) -> dict[str, str]:
    return {name: getattr(each.register, name) for name in each.offered}


def report(
    aliases: Iterable[str], *, site: str = "", vendor: str = "", self_test: str | None = None
) -> Report:
    """Inspect the site and its providers.

    Args:
        aliases: the aliases of the providers to inspect.
        site: the site's base URL; empty to take it from the settings.
        vendor: one of `recipes.VENDORS`; empty to take it from the issuer.
        self_test: the site's back-channel URL to try; empty to derive it, None not to try it.
    """
    return Report(
        site=inspect(SITE_INSPECTIONS, None),
        providers=tuple(_provider(alias, site, vendor, self_test) for alias in aliases),
    )


def _provider(alias: str, site: str, vendor: str, self_test: str | None) -> ProviderReport:
    options = conf.OIDC_LOGOUT_PROVIDERS[alias]
    vendor = vendor or vendor_of(options.issuer)
    try:
        provider = configured.provider_for(alias)
        return _report_on(inspect_provider(provider, site=site, vendor=vendor, self_test=self_test))
    except ProviderUnavailable as exc:
        remedy = "Set BACKEND to a subclass of django_oidc_logout.providers.OIDCProvider."
        found = error("backend", f"{exc}.", remedy)
    except Exception as exc:  # noqa: BLE001  # as in `inspect`: settings may contain anything
        found = failure("the provider", exc)
    return ProviderReport(options=options, findings=(found,))


def _report_on(inspected: InspectedProvider) -> ProviderReport:
    register, vendor = addresses.registration(inspected), inspected.vendor
    commands = recipe(vendor, register, inspected.options) if register and vendor else ""
    return ProviderReport(
        options=inspected.options,
        findings=inspect(PROVIDER_INSPECTIONS, inspected),
        register=register,
        offered=addresses.offered(inspected, register, commands) if register else (),
        recipe=commands,
        verified_at=signals.verified_at(inspected),
    )
