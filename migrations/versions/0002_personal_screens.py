"""Notes of a product, and what the house keeps for one person: preferences, saved views, presence, figures

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Without a default: no row is written again, however many there are.
    op.add_column("product", sa.Column("notes", sa.Text(), nullable=True))
    op.create_index("ix_change_set_at", "change_set", ["at"])
    op.create_table(
        "preference",
        owner("preference"),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", name="pk_preference"),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", KEY, nullable=False),
        owner("saved_view"),
        sa.Column(
            "role_id",
            KEY,
            sa.ForeignKey("role.id", name="fk_saved_view_role_id_role", ondelete="CASCADE"),
            nullable=True,
        ),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_view"),
    )
    op.create_index("ix_saved_view_role_id", "saved_view", ["role_id"])
    op.create_index("uq_saved_view_name", "saved_view", ["user_id", "resource", "name"], unique=True)
    op.create_table(
        "presence",
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        owner("presence"),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("resource", "record_id", "user_id", name="pk_presence"),
    )
    op.create_table(
        "figure",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_figure"),
    )


def owner(table: str) -> sa.Column[int]:
    """Return the column of the person whose row it is; it goes with them."""
    key = sa.ForeignKey("user.id", name=f"fk_{table}_user_id_user", ondelete="CASCADE")
    return sa.Column("user_id", KEY, key, nullable=False)


def downgrade() -> None:
    for table in ("figure", "presence", "saved_view", "preference"):
        op.drop_table(table)
    op.drop_index("ix_change_set_at", table_name="change_set")
    op.drop_column("product", "notes")
