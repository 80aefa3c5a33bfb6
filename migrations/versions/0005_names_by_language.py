"""The languages that products are named in, so that those without a name in one are found among a million

PostgreSQL keeps them in a column that it derives itself; the models do not map it. A million products take half a
minute, in which products are neither read nor written, and 40 MB. SQLite looks into every document.

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The keys of a document always come in one order, so the same languages make the same text: `["de", "fr"]`.
LANGUAGES = "coalesce(jsonb_path_query_array(name_i18n, '$.keyvalue().key')::text, '[]')"
PARTS = {"live": "trashed_at IS NULL", "trashed": "trashed_at IS NOT NULL"}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"ALTER TABLE product ADD COLUMN named_in text GENERATED ALWAYS AS ({LANGUAGES}) STORED")
    for name, where in PARTS.items():
        op.create_index(f"ix_product_{name}_named_in", "product", ["named_in", "id"], postgresql_where=sa.text(where))


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_column("product", "named_in")
