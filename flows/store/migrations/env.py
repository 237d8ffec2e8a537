"""Run by Alembic: upgrades the connection that `flows.store.migrate` hands over, inside its transaction.

A new revision: change `schema.py` or `tables.py`, write `versions/NNNN_what.py` after the last one, add NNNN to `schema.REVISIONS`. Tests
compare them.
"""

from alembic import context

from flows.store.schema import VERSION_TABLE
from flows.store.tables import TABLES

context.configure(connection=context.config.attributes["connection"], target_metadata=TABLES, version_table=VERSION_TABLE,
                  render_as_batch=True)
context.run_migrations()
