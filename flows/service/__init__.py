"""Penstock itself: from words to rows. Everything that a person can ask of the product is a method here; read this first.

Words and specs stand in `author`, runs in `runs`, rows and the catalogue in `data`, conversations
in `chats`, what a notebook shows in `notebook`; `door` is what all of them stand on.
"""

from __future__ import annotations

from flows.service.chats import Chats
from flows.service.data import Data
from flows.service.door import Source
from flows.service.notebook import Notebook
from flows.service.runs import Runs


class Penstock(Data, Runs, Chats, Notebook):
    """One tenant's door to everything.

    `home` is the folder of the control store and the local lake (default $PENSTOCK_HOME, else `.penstock`); `catalog` replaces the
    tenant's own catalogue. Errors are those of `flows.errors`; an InputError is something the caller can mend.
    """


__all__ = ["Penstock", "Source"]
