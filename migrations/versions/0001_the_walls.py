"""The walls: resources, history, outbox, search

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MONEY = sa.Numeric(14, 4).with_variant(sa.BigInteger(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
LIVE = {f"{name}_where": sa.text("trashed_at IS NULL") for name in ("postgresql", "sqlite")}
TRASHED = {f"{name}_where": sa.text("trashed_at IS NOT NULL") for name in ("postgresql", "sqlite")}
FILTERED = ("status", "brand_id", "price", "currency", "responsible_id")
FILED = ("category_id", *FILTERED)
SORTED = ("name_key", "price", "updated_at", "sku")

#: History knows records by number: SQLite would give that of the last deleted row to the next one otherwise.
NUMBERED_ONCE = {"sqlite_autoincrement": True}


def binary_text(length: int) -> sa.types.TypeEngine[str]:
    """Return a text type that compares bytes on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


CATALOGUE = ("product", "category", "brand", "tag")


def grants(verbs: str, *more: str) -> list[str]:
    """Return the grants of `verbs` on everything of the catalogue, and `more`."""
    return sorted([f"{name}:{verb}" for name in CATALOGUE for verb in verbs.split()] + ["history:read", *more])


ROLES = {
    "administrator": ("Administrator", "May do everything, now and with what is added later.", ["*"]),
    "catalogue-manager": (
        "Catalogue manager",
        "Runs the catalogue: products, categories, brands and tags, with publishing, import and export.",
        grants("create read update delete import export", "product:publish"),
    ),
    "editor": (
        "Editor",
        "Writes and changes the catalogue; does not delete or publish.",
        grants("create read update"),
    ),
    "viewer": ("Viewer", "Sees the catalogue and changes nothing.", grants("read")),
}


def upgrade() -> None:
    op.create_table(
        "brand",
        sa.Column("id", KEY, nullable=False),
        sa.Column("website", sa.String(length=300), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("name_key", binary_text(255), nullable=False),
        sa.Column("slug", sa.String(length=208), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_brand"),
        sa.UniqueConstraint("slug", name="uq_brand_slug"),
        **NUMBERED_ONCE,
    )
    op.create_index("ix_brand_name_key", "brand", ["name_key", "id"])
    op.create_table(
        "category",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name_i18n", DOCUMENT, nullable=True),
        sa.Column("parent_id", KEY, nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("path", binary_text(500), server_default="", nullable=False),
        sa.Column("depth", sa.Integer(), server_default="0", nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("name_key", binary_text(255), nullable=False),
        sa.Column("slug", sa.String(length=208), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["category.id"], name="fk_category_parent_id_category"),
        sa.PrimaryKeyConstraint("id", name="pk_category"),
        sa.UniqueConstraint("slug", name="uq_category_slug"),
        **NUMBERED_ONCE,
    )
    op.create_index("ix_category_name_key", "category", ["name_key", "id"])
    op.create_index("ix_category_parent_id_name_key", "category", ["parent_id", "name_key"])
    op.create_index("ix_category_path", "category", ["path"])
    op.create_table(
        "change_set",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_label", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("undo_of_id", KEY, nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("change_count", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["undo_of_id"], ["change_set.id"], name="fk_change_set_undo_of_id_change_set"),
        sa.PrimaryKeyConstraint("id", name="pk_change_set"),
        sa.UniqueConstraint("request_id", name="uq_change_set_request_id"),
    )
    op.create_index("ix_change_set_actor_id", "change_set", ["actor_id", "id"])
    op.create_index("ix_change_set_source", "change_set", ["source", "id"])
    op.create_index("ix_change_set_undo_of_id", "change_set", ["undo_of_id"])
    op.create_table(
        "house",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("languages", DOCUMENT, nullable=False),
        sa.Column("source_language", sa.String(length=10), nullable=False),
        sa.Column("currencies", DOCUMENT, nullable=False),
        sa.Column("default_currency", sa.String(length=3), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("price_rounding", sa.String(length=10), nullable=False),
        sa.Column("trash_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_house"),
        **NUMBERED_ONCE,
    )
    op.create_table(
        "role",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", binary_text(64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("grants", DOCUMENT, nullable=False),
        sa.Column("hidden_fields", DOCUMENT, nullable=False),
        sa.Column("locked_fields", DOCUMENT, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
        sa.UniqueConstraint("key", name="uq_role_key"),
        **NUMBERED_ONCE,
    )
    op.create_table(
        "search_entry",
        sa.Column("id", KEY, nullable=False),
        sa.Column("resource", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_entry"),
    )
    op.create_index("uq_search_entry_record", "search_entry", ["resource", "record_id"], unique=True)
    op.create_table(
        "sign_in_throttle",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_throttle"),
    )
    op.create_table(
        "tag",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("name_key", binary_text(255), nullable=False),
        sa.Column("slug", sa.String(length=208), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("slug", name="uq_tag_slug"),
        **NUMBERED_ONCE,
    )
    op.create_index("ix_tag_name_key", "tag", ["name_key", "id"])
    op.create_table(
        "user",
        sa.Column("id", KEY, nullable=False),
        sa.Column("email", binary_text(255), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=True),
        sa.Column("active", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("locale", sa.String(length=10), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("session_key", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
        **NUMBERED_ONCE,
    )
    op.create_table(
        "change",
        sa.Column("id", KEY, nullable=False),
        sa.Column("change_set_id", KEY, nullable=False),
        sa.Column("resource", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False),
        sa.Column("diff", DOCUMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("scope_before", binary_text(500), nullable=True),
        sa.Column("scope_after", binary_text(500), nullable=True),
        sa.ForeignKeyConstraint(["change_set_id"], ["change_set.id"], name="fk_change_change_set_id_change_set"),
        sa.PrimaryKeyConstraint("id", name="pk_change"),
    )
    op.create_index("ix_change_change_set_id", "change", ["change_set_id", "id"])
    op.create_index("ix_change_record", "change", ["resource", "record_id", "version"])
    op.create_index("ix_change_resource", "change", ["resource", "change_set_id"])
    op.create_table(
        "outbox_message",
        sa.Column("id", KEY, nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("payload", DOCUMENT, nullable=False),
        sa.Column("change_set_id", KEY, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_set.id"], name="fk_outbox_message_change_set_id_change_set"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_message"),
        sa.UniqueConstraint("message_id", name="uq_outbox_message_message_id"),
    )
    op.create_index("ix_outbox_message_waiting", "outbox_message", ["sent_at", "due_at", "id"])
    op.create_table(
        "product",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku", binary_text(64), nullable=False),
        sa.Column("gtin", binary_text(64), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("price", MONEY, nullable=True),
        sa.Column("cost", MONEY, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("category_id", KEY, nullable=True),
        sa.Column("brand_id", KEY, nullable=True),
        sa.Column("responsible_id", KEY, nullable=True),
        sa.Column("image_url", sa.String(length=1000), nullable=True),
        sa.Column("attributes", DOCUMENT, nullable=True),
        sa.Column("name_i18n", DOCUMENT, nullable=True),
        sa.Column("description_i18n", DOCUMENT, nullable=True),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("name_key", binary_text(255), nullable=False),
        sa.Column("slug", sa.String(length=208), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.id"], name="fk_product_brand_id_brand"),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name="fk_product_category_id_category"),
        sa.ForeignKeyConstraint(["responsible_id"], ["user.id"], name="fk_product_responsible_id_user"),
        sa.PrimaryKeyConstraint("id", name="pk_product"),
        sa.UniqueConstraint("sku", name="uq_product_sku"),
        sa.UniqueConstraint("slug", name="uq_product_slug"),
        **NUMBERED_ONCE,
    )
    op.create_index("ix_product_gtin", "product", ["gtin"])
    create_index("live", "id", covering=FILED)
    create_index("live_category_id", "category_id", "id", covering=FILTERED)
    for name in ("brand_id", "currency", "responsible_id", "status"):
        create_index(f"live_{name}", name, "id")
    for name in SORTED:
        create_index(f"live_{name}", name, "id", covering=FILED)
        create_index(f"live_category_id_{name}", "category_id", name, "id", covering=FILTERED)
        create_index(f"trashed_{name}", name, "id", covering=FILED)
    create_index("trashed", "trashed_at", "id", covering=FILED)
    create_index("trashed_id", "id")
    create_index("trashed_category_id", "category_id", "trashed_at", "id", covering=FILTERED)
    op.create_table(
        "role_category",
        sa.Column("role_id", KEY, nullable=False),
        sa.Column("category_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name="fk_role_category_category_id_category"),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_role_category_role_id_role"),
        sa.PrimaryKeyConstraint("role_id", "category_id", name="pk_role_category"),
    )
    op.create_index("ix_role_category_category_id", "role_category", ["category_id"])
    op.create_table(
        "user_role",
        sa.Column("user_id", KEY, nullable=False),
        sa.Column("role_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_user_role_role_id_role"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_user_role_user_id_user"),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_user_role"),
    )
    op.create_index("ix_user_role_role_id", "user_role", ["role_id"])
    op.create_table(
        "product_tag",
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("tag_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name="fk_product_tag_product_id_product"),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_product_tag_tag_id_tag"),
        sa.PrimaryKeyConstraint("product_id", "tag_id", name="pk_product_tag"),
    )
    op.create_index("ix_product_tag_tag_id", "product_tag", ["tag_id", "product_id"])
    if op.get_bind().dialect.name == "postgresql":
        add_search_vector()
    else:
        add_full_text_table()
    add_first_rows()


def create_index(name: str, *columns: str, covering: tuple[str, ...] = ()) -> None:
    """Add an index over the products in the trash or out of it; `covering` it holds too where the database can."""
    where = TRASHED if name.startswith("trashed") else LIVE
    more = [column for column in covering if column not in columns]
    op.create_index(f"ix_product_{name}", "product", list(columns), postgresql_include=more, **where)


def drop_index(name: str) -> None:
    """Remove what `create_index` added."""
    where = TRASHED if name.startswith("trashed") else LIVE
    op.drop_index(f"ix_product_{name}", table_name="product", **where)


def add_search_vector() -> None:
    """Add the generated vector: the heading's words, each marked with `^`, and the body's.

    The words are folded already: they are taken as they are, never parsed again. The mark lets the index alone answer
    a search in the heading; a weight would not. Weights rank, and need a position to stand at.
    """
    heading, body = vector_of("heading", "^", "A"), vector_of("body", "", "D")
    op.execute(f"ALTER TABLE search_entry ADD COLUMN vector tsvector GENERATED ALWAYS AS ({heading} || {body}) STORED")
    # What is written waits in a list of 512 kB: word by word, each row would cost as much as all its other indexes. A
    # search reads that list too, 64 pages at the most.
    options = "WITH (fastupdate = on, gin_pending_list_limit = 512)"
    # One for what is in the trash: a frequent word would cost a look at each of its records otherwise.
    for name, where in (("ix_search_entry_vector", "live"), ("ix_search_entry_vector_trashed", "NOT live")):
        op.execute(f"CREATE INDEX {name} ON search_entry USING gin (vector) {options} WHERE {where}")


def vector_of(part: str, mark: str, weight: str) -> str:
    """Return the expression of the words of a column, parted by single spaces, each with `mark` and `weight`."""
    harmless = rf"replace(replace({part}, '\', '\\'), '''', '''''')"
    end = f"''\\:1{weight}"
    quoted = f"'''{mark}' || replace({harmless}, ' ', '{end} ''{mark}') || '{end}'"
    return f"CASE {part} WHEN '' THEN CAST('' AS tsvector) ELSE CAST({quoted} AS tsvector) END"


def add_full_text_table() -> None:
    """Add the FTS5 table over the entries, and the triggers that keep it."""
    op.execute(
        """
        CREATE VIRTUAL TABLE search_fts USING fts5(
            heading, body, content='search_entry', content_rowid='id', tokenize='unicode61 remove_diacritics 0'
        )
        """
    )
    insert = "INSERT INTO search_fts (rowid, heading, body) VALUES (new.id, new.heading, new.body);"
    delete = (
        "INSERT INTO search_fts (search_fts, rowid, heading, body) VALUES ('delete', old.id, old.heading, old.body);"
    )
    changed = "UPDATE OF heading, body"
    for event, body in (("INSERT", insert), ("DELETE", delete), (changed, delete + insert)):
        name = f"search_fts_{event.split()[0].lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON search_entry BEGIN {body} END")


def add_first_rows() -> None:
    """Add the settings of the house and the four roles that it comes with."""
    moments = {"created_at": sa.func.current_timestamp(), "updated_at": sa.func.current_timestamp()}
    insert_row(
        "house",
        **moments,
        id=1,
        name="Backoffice",
        languages=["en", "fr", "de", "es", "ar"],
        source_language="en",
        currencies=["EUR", "USD", "GBP", "JPY"],
        default_currency="EUR",
        zone="UTC",
        price_rounding="none",
        trash_days=90,
    )
    for key, (name, description, grants) in ROLES.items():
        role = {"key": key, "name": name, "description": description, "grants": grants}
        insert_row("role", **moments, **role, hidden_fields=[], locked_fields=[])
        words = " ".join(dict.fromkeys(f"{name} {key}".casefold().replace("-", " ").split()))
        own = sa.select(sa.literal("role"), sa.column("id"), sa.literal(words), sa.literal("")).select_from(
            sa.table("role")
        )
        entry = sa.table("search_entry", *map(sa.column, ("resource", "record_id", "heading", "body")))
        op.execute(sa.insert(entry).from_select(list(entry.c), own.where(sa.column("key") == key)))


def insert_row(table: str, **values: object) -> None:
    """Insert one row, lists and dictionaries as documents whatever the database calls that type."""
    columns = [sa.column(name, DOCUMENT if isinstance(value, list) else None) for name, value in values.items()]
    op.execute(sa.insert(sa.table(table, *columns)).values(values))


def downgrade() -> None:
    for event in ("insert", "delete", "update"):
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER search_fts_{event}")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search_fts")
    op.drop_index("ix_product_tag_tag_id", table_name="product_tag")
    op.drop_table("product_tag")
    op.drop_index("ix_user_role_role_id", table_name="user_role")
    op.drop_table("user_role")
    op.drop_index("ix_role_category_category_id", table_name="role_category")
    op.drop_table("role_category")
    for name in ("trashed_category_id", "trashed_id", "trashed"):
        drop_index(name)
    for name in reversed(SORTED):
        for part in ("trashed", "live_category_id", "live"):
            drop_index(f"{part}_{name}")
    for name in ("status", "responsible_id", "currency", "brand_id", "category_id"):
        drop_index(f"live_{name}")
    drop_index("live")
    op.drop_index("ix_product_gtin", table_name="product")
    op.drop_table("product")
    op.drop_index("ix_outbox_message_waiting", table_name="outbox_message")
    op.drop_table("outbox_message")
    op.drop_index("ix_change_resource", table_name="change")
    op.drop_index("ix_change_record", table_name="change")
    op.drop_index("ix_change_change_set_id", table_name="change")
    op.drop_table("change")
    op.drop_table("user")
    op.drop_index("ix_tag_name_key", table_name="tag")
    op.drop_table("tag")
    op.drop_table("sign_in_throttle")
    op.drop_index("uq_search_entry_record", table_name="search_entry")
    op.drop_table("search_entry")
    op.drop_table("role")
    op.drop_table("house")
    op.drop_index("ix_change_set_undo_of_id", table_name="change_set")
    op.drop_index("ix_change_set_source", table_name="change_set")
    op.drop_index("ix_change_set_actor_id", table_name="change_set")
    op.drop_table("change_set")
    op.drop_index("ix_category_path", table_name="category")
    op.drop_index("ix_category_parent_id_name_key", table_name="category")
    op.drop_index("ix_category_name_key", table_name="category")
    op.drop_table("category")
    op.drop_index("ix_brand_name_key", table_name="brand")
    op.drop_table("brand")
