"""The tenants, and their hosts."""

from django_tenants.models import DomainMixin, TenantMixin


class Tenant(TenantMixin):
    """A tenant, whose schema is created when it is saved."""


class Domain(DomainMixin):
    """The host of a tenant."""
