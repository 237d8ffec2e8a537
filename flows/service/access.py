"""Who may do what: tenants, API keys, members, limits, and the audit log."""

from __future__ import annotations

from flows.service.door import Door


class Access(Door):
    """For admins of a tenant, and with the root key for all tenants."""
