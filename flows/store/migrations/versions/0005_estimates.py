"""What a run in production is expected to be billed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("estimate", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "estimate")
