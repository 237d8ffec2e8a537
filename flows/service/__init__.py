"""Penstock itself: from words to rows. Everything that a person can ask of the product is a method here; read this first.

| file | what is asked there |
|---|---|
| `door` | whose data, which store and catalogue, how a spec is found: what all others stand on |
| `author` | plan, answer, undo, validate, explain, preview; `half` previews a draft with open questions, `request` is a card to confirm |
| `proof` | parity, certificate: one spec on both warehouses |
| `submit` | submit, backfill: what becomes durable before anything runs; `overlap` judges which days may run side by side |
| `runs` | run, follow, view, find, logs, cancel, backfills; `status` answers in words |
| `data` | attach, profile, query, tables, catalogue, what a tenant may use |
| `health` | whether runs can start and what is wrong, what monitoring reads |
| `routines` | procedures that are stored, and those that come with Penstock |
| `templates` | whole pipelines to start from |
| `versions` | stored pipelines and every version of their specs |
| `deployments` | deploy, pause, resume, rollback, delete: what runs by itself |
| `pipelines` | generate_pipeline and the other async methods for programs, with blocking twins; `pipeline` is what they give |
| `options` | what the options of a generated pipeline do to its spec |
| `access` | tenants, keys, members, limits, audit log; `approvals` are what a program asks a person for |
| `outside` | who a key is, a request answered once, what strangers may know: for the REST API |
| `chats` | conversations, kept and found again |
| `notebook` | what a notebook shows |
| `log` | where a process keeps its log |
"""

from __future__ import annotations

from flows.access import ROLES, Identity
from flows.service.access import Access
from flows.service.approvals import Approvals
from flows.service.chats import Chats
from flows.service.data import Data
from flows.service.door import Source
from flows.service.notebook import Notebook
from flows.service.outside import Outside
from flows.service.pipelines import Pipelines
from flows.service.proof import Proof
from flows.service.routines import Routines


class Penstock(Pipelines, Access, Approvals, Routines, Proof, Data, Chats, Notebook, Outside):
    """One tenant's door to everything.

    `home` is the folder of the control store and the local lake (default $PENSTOCK_HOME, else `.penstock`); `catalog` replaces the
    tenant's own catalogue; `key` is an API key, which says whose tenant and what role it is. Errors are those of `flows.errors`; an
    InputError is something the caller can mend.
    """


__all__ = ["ROLES", "Identity", "Penstock", "Source"]
