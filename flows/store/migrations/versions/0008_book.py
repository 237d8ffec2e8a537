"""What the mirror of the run book in the warehouse has by now, and the limits of a tenant."""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
