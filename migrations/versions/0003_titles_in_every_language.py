"""What was done, as a sentence that each reader reads in their own language

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    # Without a default: no row is written again, however many there are.
    op.add_column("change_set", sa.Column("phrase", DOCUMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("change_set", "phrase")
