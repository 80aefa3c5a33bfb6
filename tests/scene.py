"""A house in which people have worked: what pictures and the checks of all screens look at."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from backoffice import policy, writes
from backoffice.app import create_app
from backoffice.extensions import db
from backoffice.i18n import _l, phrase
from backoffice.models.base import Resource
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import ChangeSet
from backoffice.models.personal import SavedView
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations import accounts, demo, records, undo
from backoffice.operations.imports import Options, import_file
from backoffice.writes import Unit
from tests.conftest import settings_for

PASSWORD = "seventeen blue teapots"

#: Who signs in, with their role; the guest is the one whose language changes.
PEOPLE = {
    "administrator": "administrator",
    "catalogue-manager": "catalogue-manager",
    "editor": "editor",
    "viewer": "viewer",
    "guest": "viewer",
}

NEWS = """sku,name,price,category,brand
KT-9001,Carbon steel frying pan with lid,79.90,Kitchen > Cookware > Pans,Brasquelle
KT-9002,Pan protector of felt,9.50,Kitchen > Cookware > Pans,Brasquelle
KT-9003,Pan brush,12.00,Kitchen > Cookware > Pans,Brasquelle
"""


def fill(url: str, folder: Path, worked: bool = False) -> None:
    """Load the demo and a person of each role into the database `url`; `worked` adds what they did since."""
    app = create_app(settings_for(url, folder))
    actor = policy.system("tests")
    with app.app_context():
        demo.load(actor, folder)

        for name, role in PEOPLE.items():
            email = f"{name}@example.org"
            with writes.unit(actor, phrase("Create: %(name)s", name=email), source="command") as opened:
                accounts.create_user(opened, email, accounts.roles_of_keys(opened, [role]), password=PASSWORD)
        if worked:
            _work(folder)
        db.session.remove()
        db.engine.dispose()


def _person(name: str) -> policy.Actor:
    return policy.actor_of(db.session.scalars(select(User).where(User.email == f"{name}@example.org")).one())


def _work(folder: Path) -> None:
    """Let the people work: edits, a mass action, an import, the trash, an undo, a role with limits, a saved view."""
    editor, manager, chief = _person("editor"), _person("catalogue-manager"), _person("administrator")
    keys = list(db.session.scalars(select(Product.id).order_by(Product.id).limit(40)))
    first = keys[0]
    _change(editor, {"name_i18n": {"fr": "Un nom français"}}, first)
    _change(editor, {"price": Decimal("24.50"), "cost": Decimal("11.00")}, first)
    _change(manager, {"status": "archived"}, *keys[30:34], source="action")
    for key, price in zip(keys[5:9], ("12.90", "7.50", "149.00", "33.00"), strict=True):
        _change(editor, {"price": Decimal(price)}, key)
    news = folder / "news.csv"
    news.write_text(NEWS, encoding="utf-8")
    import_file(manager, news, Options(model=Product, folder=folder))
    trash = phrase("%(action)s: %(resource)s", action=_l("Move to the trash"), resource=Product.resource.plural)
    with writes.unit(manager, trash, source="action") as opened:
        for key in keys[20:23]:
            records.trash(opened, opened.get(Product, key))
    receipt = _change(editor, {"name": "A name that was a mistake"}, keys[12])
    undo.undo_change_set(manager, receipt)
    with writes.unit(chief, "Role") as opened:
        top = opened.session.scalars(select(Category).where(Category.parent_id.is_(None)).order_by(Category.id)).first()
        assert top
        grants = ["product:read", "product:update", "category:read", "brand:read", "history:read"]
        name = f"Only {top.name}"
        opened.entitle(phrase("Create: %(name)s", name=name))
        opened.add(Role(key="one-branch", name=name, grants=grants, categories=[top], hidden_fields=["product.cost"]))
    owner = manager.user_id
    with writes.bookkeeping() as session:
        session.add(SavedView(user_id=owner, resource="product", name="Drafts to finish", query={"status": ["draft"]}))


def _change(actor: policy.Actor, values: dict[str, Any], *keys: int, source: str = "form") -> int:
    """Set `values` on products as `actor` and return the change set."""

    def work(unit: Unit) -> None:
        for key in keys:
            records.update(unit, unit.get(Product, key), values)

    title = phrase("Edit: %(name)s", name=str(db.session.get_one(Product, keys[0])))
    if source == "action":
        title = phrase("%(action)s: %(resource)s", action=_l("Archive"), resource=Product.resource.plural)
    _done, receipt = writes.run(actor, title, work, source=source)
    assert receipt.change_set_id
    return receipt.change_set_id


def keys_of(url: str, folder: Path) -> dict[str, int]:
    """Return the records that the addresses of screens name."""
    app = create_app(settings_for(url, folder))
    with app.app_context():
        session = db.session

        def first(model: type[Resource], *where: Any) -> int:
            return session.scalars(select(model.id).where(*where).order_by(model.id)).first() or 0

        found = {
            "product": first(Product),
            "trashed": first(Product, Product.trashed_at.is_not(None)),
            "top": first(Category, Category.parent_id.is_(None)),
            "category": first(Category, Category.parent_id.is_not(None)),
            "brand": first(Brand),
            "user": first(User, User.email == "editor@example.org"),
            "role": first(Role, Role.key == "editor"),
            "limited": first(Role, Role.key == "one-branch"),
            "change_set": session.scalars(select(func.max(ChangeSet.id)).where(ChangeSet.source == "action")).one(),
        }
        session.remove()
        db.engine.dispose()
    return found
