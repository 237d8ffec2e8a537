"""What a version of a spec gave when it was tried on both warehouses."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("spec_versions", sa.Column("certificate", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("spec_versions", "certificate")
