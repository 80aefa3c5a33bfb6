"""The languages that products are named in, so that those without a name in one are found among a million

PostgreSQL keeps them in a column that it derives itself; the models do not map it. A million products take half a
minute, in which products are neither read nor written, and 90 MB; the indexes are made while they are. SQLite looks
into every document.

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The keys of a document always come in one order, so the same languages make the same text: `["de", "fr"]`. What is no
# document has none, and what is no language is left out: a text in an index has its bounds.
KEYS = '$.keyvalue().key ? (@ like_regex "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$")'
LANGUAGES = f"coalesce(jsonb_path_query_array(name_i18n, '{KEYS}', '{{}}', true)::text, '[]')"
PARTS = {"live": "trashed_at IS NULL", "trashed": "trashed_at IS NOT NULL"}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        'ALTER TABLE product ADD COLUMN IF NOT EXISTS named_in text COLLATE "C"'
        f" GENERATED ALWAYS AS ({LANGUAGES}) STORED"
    )
    with op.get_context().autocommit_block():
        for name, where in PARTS.items():
            # What a run that was cut off left behind.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS ix_product_{name}_named_in")
            op.create_index(
                f"ix_product_{name}_named_in",
                "product",
                ["named_in", "id"],
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
            )
        # Nothing tells that a table was written anew; until then an index answers nothing without a look at each row.
        op.execute("VACUUM (ANALYZE) product")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_column("product", "named_in")
