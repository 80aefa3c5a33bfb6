"""A seeded catalogue with people and a long history, and what of it the questions ask about."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from backoffice import writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.policy import Actor, RoleRights, system
from backoffice.selection import Position
from backoffice.web.people import SignedIn
from bench.loading import open_engine
from bench.seed import seed_once
from bench.words import COMMON, NOUNS, VOCABULARY_WORDS, leading_words
from tests.conftest import FreshClient, settings_for

LIVE = "trashed_at IS NULL"

#: Categories with a row for each product in or beneath them.
SUBTREES = """
    SELECT above.id FROM category above JOIN category below ON below.path LIKE above.path || '%'
      JOIN product ON product.category_id = below.id WHERE product.trashed_at IS NULL"""

#: The top category that holds the most, and its last product that has a brand and a tag.
FULLEST = f"{SUBTREES} AND above.depth = 0 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
EDITED = f"""
    SELECT max(product.id) FROM product JOIN category ON category.id = category_id
      JOIN product_tag ON product_id = product.id
     WHERE product.{LIVE} AND brand_id IS NOT NULL AND path LIKE '/' || ({FULLEST}) || '/%'"""

#: One deed changed a tenth of the products; a fifth as many changes as products came in deeds of five; one in twenty of
#: those changed the same product.
HISTORY = (
    """
    INSERT INTO change_set (id, at, actor_id, actor_label, source, title, change_count)
    SELECT 1000 + n, now() - interval '1 day', NULL, 'seed', 'form', 'Edit ' || n, 5
      FROM generate_series(1, :products / 25) n
    """,
    """
    INSERT INTO change_set (id, at, actor_id, actor_label, source, title, change_count)
    VALUES (2000 + :products / 25, now(), NULL, 'seed', 'action', 'Raise prices', :products / 10)
    """,
    """
    INSERT INTO change (change_set_id, resource, record_id, label, verb, diff, version, scope_before, scope_after)
    SELECT 1000 + n, 'product', p.id, p.name, 'update',
           jsonb_build_object('category_id', jsonb_build_array(p.category_id, p.category_id),
                              'brand_id', jsonb_build_array(NULL, p.brand_id)),
           1 + n, c.path, c.path
      FROM generate_series(1, :products / 25) n, generate_series(1, 5) m,
           LATERAL (SELECT CASE WHEN n % 4 = 0 AND m = 1 THEN :edited
                                ELSE 1 + (n::bigint * 7919 + m * 104729) % :products END AS id) chosen
      JOIN product p USING (id) LEFT JOIN category c ON c.id = p.category_id
    """,
    """
    INSERT INTO change (change_set_id, resource, record_id, label, verb, diff, version, scope_before, scope_after)
    SELECT 2000 + :products / 25, 'product', p.id, p.name, 'update',
           jsonb_build_object('price', jsonb_build_array('1.00', '1.10')), 1000000, c.path, c.path
      FROM product p LEFT JOIN category c ON c.id = p.category_id ORDER BY p.id LIMIT :products / 10
    """,
    "SELECT setval(pg_get_serial_sequence('change_set', 'id'), max(id)) FROM change_set",
)


def fill(address: str, folder: Path, products: int) -> None:
    """Fill a database with `products`, where it holds none yet, people and history."""
    engine = open_engine(address)
    seed_once(engine, products)
    engine.dispose()
    world = World(address, folder)
    world.add_people()
    event.listen(engine, "connect", _wait_for_the_disk)
    with engine.begin() as connection:
        for statement in HISTORY:
            connection.execute(text(statement), {"products": products, "edited": world.edited})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
    world.close()
    engine.dispose()


def _wait_for_the_disk(connection: Any, _record: Any) -> None:
    """Have commits wait: the vacuum would not mark what was written a moment ago as visible to all."""
    connection.execute("SET synchronous_commit TO on")
    connection.commit()


@dataclass
class World:
    """An application over a filled database; names of what in it is large, small, frequent or rare."""

    url: str
    folder: Path
    app: Flask = field(init=False)
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    middles: dict[tuple[str, int | None], Position] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = create_app(settings_for(self.url, self.folder))
        self.app.test_client_class = FreshClient

    @property
    def engine(self) -> Engine:
        """Return the engine of the house, with all that it sets on its connections."""
        with self.app.app_context():
            return db.engine

    @property
    def house(self) -> Actor:
        """Return the actor that may do everything."""
        return system("size")

    @property
    def scoped(self) -> Actor:
        """Return an actor whose role ends at the largest subtree."""
        grants = frozenset({"product:read", "category:read", "history:read"})
        return Actor(1, "scoped", (RoleRights("scoped", grants, (f"/{self.large}/",)),))

    @property
    def blinkered(self) -> Actor:
        """Return an actor who sees neither prices nor long texts."""
        hidden = frozenset({"product.price", "product.cost", "product.description"})
        return Actor(1, "blinkered", (RoleRights("blinkered", frozenset({"product:read"}), hidden=hidden),))

    def one(self, query: str, **values: Any) -> Any:
        """Return the first row of `query`, or its only value."""
        with self.engine.connect() as connection:
            row = connection.execute(text(query), values).one()
        return row[0] if len(row) == 1 else row

    def _of_size(self, column: str, source: str, order: str) -> int:
        query = f"SELECT {column} FROM {source} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY count(*) {order}, 1"
        return int(self.one(f"{query} LIMIT 1"))

    @cached_property
    def products(self) -> int:
        """Return how many products there are."""
        return int(self.one("SELECT count(*) FROM product"))

    @cached_property
    def large(self) -> int:
        """Return the top category that holds the most."""
        return int(self.one(FULLEST))

    @cached_property
    def small(self) -> int:
        """Return the category below a top one that holds the least."""
        return int(self.one(f"{SUBTREES} AND above.depth = 1 GROUP BY 1 ORDER BY count(*), 1 LIMIT 1"))

    @cached_property
    def tops(self) -> list[str]:
        """Return all top categories."""
        return str(self.one("SELECT string_agg(id::text, ' ') FROM category WHERE depth = 0")).split()

    @cached_property
    def rows(self) -> list[int]:
        """Return fifty categories that the tree shows, those with the most under them first."""
        query = "SELECT array_agg(id) FROM (SELECT id FROM category ORDER BY depth, id LIMIT 50) shown"
        return list(self.one(query))

    @cached_property
    def brands(self) -> tuple[int, int]:
        """Return the brand with the most products and the one with the fewest."""
        live = f"(SELECT * FROM product WHERE {LIVE}) live"
        return self._of_size("brand_id", live, "DESC"), self._of_size("brand_id", live, "ASC")

    @cached_property
    def tags(self) -> tuple[int, int]:
        """Return the tag of the most products and that of the fewest."""
        live = f"(SELECT tag_id FROM product_tag JOIN product ON id = product_id WHERE {LIVE}) live"
        return self._of_size("tag_id", live, "DESC"), self._of_size("tag_id", live, "ASC")

    @cached_property
    def prices(self) -> tuple[str, str]:
        """Return two prices between which about every hundredth product is sold."""
        query = f"SELECT percentile_disc(ARRAY[0.5, 0.51]) WITHIN GROUP (ORDER BY price) FROM product WHERE {LIVE}"
        low, high = self.one(query)
        return str(low), str(high)

    @cached_property
    def wide(self) -> tuple[str, str]:
        """Return two prices between which about every third product is sold."""
        query = f"SELECT percentile_disc(ARRAY[0.3, 0.65]) WITHIN GROUP (ORDER BY price) FROM product WHERE {LIVE}"
        low, high = self.one(query)
        return str(low), str(high)

    @cached_property
    def cheap(self) -> str:
        """Return the price below which every tenth product is sold; names and SKUs go with prices here."""
        query = f"SELECT percentile_disc(0.1) WITHIN GROUP (ORDER BY price) FROM product WHERE {LIVE}"
        return str(self.one(query))

    @cached_property
    def edited(self) -> int:
        """Return the product that is changed most often."""
        return int(self.one(EDITED))

    @cached_property
    def deed(self) -> int:
        """Return the change set with the most changes."""
        return int(self.one("SELECT id FROM change_set ORDER BY change_count DESC LIMIT 1"))

    @cached_property
    def change(self) -> int:
        """Return a change of that product half-way down its history."""
        of_it = f"FROM change WHERE resource = 'product' AND record_id = {self.edited}"
        return int(self.one(f"SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) {of_it}"))

    @cached_property
    def sku(self) -> str:
        """Return the SKU of a product."""
        return str(self.one(f"SELECT sku FROM product WHERE {LIVE} ORDER BY id DESC LIMIT 1"))

    @cached_property
    def rare(self) -> str:
        """Return a word that few products hold."""
        leading = {word for top in range(10) for word in leading_words(top)}
        common = {*VOCABULARY_WORDS, *COMMON, *" ".join(NOUNS).replace("-", " ").split(), *leading}
        names = str(self.one(f"SELECT string_agg(name, ' ') FROM product WHERE {LIVE} AND id <= 1000")).lower()
        return next(word for word in names.replace("-", " ").split() if word.isalpha() and word not in common)

    def middle(self, column: str, category: int | None = None) -> Position:
        """Return the place half-way down the products in the order of `column`, of one subtree or of all."""
        if (column, category) not in self.middles:
            held = f"SELECT {column} AS value, product.id FROM product"
            if category:
                path = self.one("SELECT path FROM category WHERE id = :key", key=category)
                held += f" JOIN category ON category.id = category_id AND path LIKE '{path}%'"
            held += f" WHERE product.{LIVE} AND {column} IS NOT NULL OFFSET 0"
            count = self.one(f"SELECT count(*) FROM ({held}) held")
            row = self.one(f"SELECT * FROM ({held}) held ORDER BY 1, 2 OFFSET {count // 2} LIMIT 1")
            self.middles[column, category] = Position(*row)
        return self.middles[column, category]

    def get(self, address: str, person: str = "administrator") -> str:
        """Return a page as `person` sees it."""
        response = self._client(person).get(address, follow_redirects=True)
        assert response.status_code == 200, f"{address}: {response.status}"
        return response.text

    def _client(self, person: str) -> FlaskClient:
        if person not in self.clients:
            with self.app.app_context():
                user = db.session.query(User).filter_by(email=f"{person}@example.org").one()
                mark = SignedIn(user.id, user.session_key, int(time.time())).get_id()
            client = self.clients[person] = self.app.test_client()
            with client.session_transaction() as session:
                session["_user_id"] = mark
        return self.clients[person]

    def add_people(self) -> None:
        """Add an administrator, and a person whose role ends at the largest subtree."""
        with self.app.app_context(), writes.unit(self.house, "People", source="system") as unit:
            limited = Role(
                key="scoped",
                name="Scoped",
                grants=sorted(self.scoped.roles[0].grants),
                categories=[unit.session.get_one(Category, self.large)],
            )
            for role in (unit.session.query(Role).filter_by(key="administrator").one(), limited):
                unit.add(User(email=f"{role.key}@example.org", roles=[role], password_hash="unused"))

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()
