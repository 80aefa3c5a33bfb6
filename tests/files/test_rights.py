"""Files hold and change what their person may see and change, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.user import User
from backoffice.operations.imports import Report
from backoffice.policy import Actor, Denied
from tests.admin.conftest import digest

from .conftest import HOUSE, Files, errors, fates, product, rights

WRITING = (
    "product:read",
    "product:create",
    "product:update",
    "product:import",
    "brand:read",
    "category:read",
    "tag:read",
)


@dataclass(frozen=True)
class Shelf:
    """The catalogue of these tests: Phones › Cases › Leather and Cups, with a product in each."""

    phones: str
    cases: str
    cups: str


@pytest.fixture
def shelf(files: Files) -> Shelf:
    """Fill the shelf and return the paths of its categories."""
    files.load(
        "sku,name,price,cost,brand,category,tags,status\n"
        "P,Phone,100,60,Clay,Phones,new,draft\nC,Case,10,6,Clay,Phones > Cases,new,draft\n"
        "L,Leather case,20,9,Tin,Phones > Cases > Leather,,published\nM,Mug,5,2,Clay,Cups,,draft\n"
        "N,Nowhere,1,,,,,draft\n"
    )
    paths = {row.name: row.path for row in db.session.scalars(select(Category))}
    return Shelf(paths["Phones"], paths["Cases"], paths["Cups"])


def without(*gone: str) -> tuple[str, ...]:
    return tuple(grant for grant in WRITING if grant not in gone)


Someone = Callable[[Shelf], Actor]

#: Who, the file, and the reason why its one row is refused.
REFUSED: dict[str, tuple[Someone, str, str]] = {
    "without the right to create": (
        lambda _shelf: rights(*without("product:create")),
        "sku,name,brand\nX,New,Glass\n",
        "This needs the grant product:create",
    ),
    "without the right to update": (
        lambda _shelf: rights(*without("product:update")),
        "sku,name\nM,Cup\n",
        "This needs the grant product:update",
    ),
    "a locked field": (
        lambda _shelf: rights(*WRITING, locked=frozenset({"product.price"})),
        "sku,price\nM,6\n",
        "You may not set price",
    ),
    "a locked field of a new one": (
        lambda _shelf: rights(*WRITING, locked=frozenset({"product.price"})),
        "sku,name,price\nX,x,6\n",
        "You may not set price",
    ),
    "a hidden field": (
        lambda _shelf: rights(*WRITING, hidden=frozenset({"product.cost"})),
        "sku,cost\nM,3\n",
        "You may not set cost",
    ),
    "a hidden field, though the value is the same": (
        lambda _shelf: rights(*WRITING, hidden=frozenset({"product.cost"})),
        "sku,cost\nM,2\n",
        "You may not set cost",
    ),
    "publishing": (
        lambda _shelf: rights(*WRITING),
        "sku,status\nM,published\n",
        "You may not set status",
    ),
    "publishing a new one": (
        lambda _shelf: rights(*WRITING),
        "sku,name,status\nX,x,published\n",
        "This needs the grant product:publish",
    ),
    "a record out of reach": (
        lambda shelf: rights(*WRITING, scope=(shelf.phones,)),
        "sku,name\nM,Cup\n",
        "“M” is taken by a record that you do not see.",
    ),
    "a record without a category": (
        lambda shelf: rights(*WRITING, scope=(shelf.phones,)),
        "sku,name\nN,x\n",
        "“N” is taken by a record that you do not see.",
    ),
    "out of one's categories": (
        lambda shelf: rights(*WRITING, scope=(shelf.phones,)),
        "sku,category\nC,Cups\n",
        "Category: there is no “Cups”, or you may not",
    ),
    "to a category that would be new": (
        lambda shelf: rights(*WRITING, "category:create", "category:import", scope=(shelf.phones,)),
        "sku,category\nC,Elsewhere\n",
        "Category “Elsewhere” is not there and cannot be created",
    ),
    "a new one outside": (
        lambda shelf: rights(*WRITING, scope=(shelf.phones,)),
        "sku,name,category\nX,x,Cups\n",
        "Category: there is no “Cups”, or you",
    ),
    "a new one in no category": (
        lambda shelf: rights(*WRITING, scope=(shelf.phones,)),
        "sku,name\nX,x\n",
        "You can work in some categories only",
    ),
    "to the top, by clearing": (
        lambda shelf: rights(*WRITING, scope=(shelf.phones,)),
        "sku,category,name\nC,,x\n",
        "You can work in some categories only",
    ),
    "a brand that would be new": (
        lambda _shelf: rights(*WRITING),
        "sku,brand\nM,Glass\n",
        "Brand “Glass” is not there and cannot be created: This needs the grant brand:create",
    ),
    "a category that would be new": (
        lambda _shelf: rights(*WRITING),
        "sku,category\nM,Cups > Small\n",
        "Category “Cups > Small” is not there and cannot be created: ",
    ),
    "a brand that is not theirs to know": (
        lambda _shelf: rights(*without("brand:read")),
        "sku,brand\nM,Tin\n",
        "Brand “Tin” is not there and cannot be created",
    ),
    "importing by one role where only another may write": (
        lambda shelf: Actor(None, "two roles", (
            policy.RoleRights("writes", frozenset(without("product:import"))),
            policy.RoleRights("imports", frozenset({"product:import"}), scope=(shelf.phones,)),
        )),
        "sku,name\nM,Cup\n",
        "This needs the grant product:import",
    ),
}  # fmt: skip


def test_what_is_not_permitted_changes_nothing(files: Files, shelf: Shelf) -> None:
    before = digest()
    for case, (someone, content, said) in REFUSED.items():
        report = files.load(content, actor=someone(shelf), clear_empty="clearing" in case)
        assert fates(report) == (0, 0, 0, 1), case
        assert errors(report)[0]["reason"].startswith(said), (case, errors(report))
        assert digest() == before, case


def test_who_may_not_import_does_not_begin(files: Files, shelf: Shelf) -> None:
    before = digest()
    for actor in (rights(*without("product:import")), policy.ANONYMOUS, rights("brand:import")):
        with pytest.raises(Denied) as denied:
            files.load("sku,name\nM,Cup\n", actor=actor)
        assert (denied.value.verb, denied.value.resource) == ("import", "product")
    assert digest() == before and not (files.folder / "imports").exists()


def test_what_is_permitted_is_done(files: Files, shelf: Shelf) -> None:
    limited = rights(
        *WRITING, scope=(shelf.phones,), hidden=frozenset({"product.cost"}), locked=frozenset({"product.gtin"})
    )
    content = (
        "sku,name,price,category,brand,gtin\n"
        "C,Renamed,11,Phones,Tin,\nL,Leather case,20,,,\nX,New,1,Phones > Cases,clay,\nM,Cup,1,,,\n"
    )
    report = files.load(content, actor=limited)
    assert fates(report) == (1, 1, 1, 1), errors(report)
    assert (product("C").name, product("M").name, product("X").cost) == ("Renamed", "Mug", None)
    assert product("C").cost == 6, "what they do not see stays"


def test_a_file_of_theirs_reads_back_without_a_change(files: Files, shelf: Shelf) -> None:
    """Names above their part of the tree are kept from them, and their own paths begin below."""
    limited = rights(
        *WRITING, "product:export", "category:export", "category:import", "category:update",
        scope=(shelf.cases,), hidden=frozenset({"product.cost"}),
    )  # fmt: skip
    for form in ("csv", "jsonl"):
        for model in (Product, Category):
            path = files.out(model, form, limited)
            text = path.read_text(encoding="utf-8")
            assert "Cases > Leather" in text and "Phones" not in text and "Cups" not in text
            before = digest()
            report = files.load(path, actor=limited, model=model)
            assert fates(report) == (0, 0, 2, 0), errors(report)
            assert digest() == before
    report = files.load("sku,category\nC,Cases > Leather\nL,Phones > Cases\n", actor=limited)
    assert fates(report) == (0, 2, 0, 0), "a path from the root means the same"
    assert product("C").category.name == "Leather" and product("L").category.name == "Cases"  # type: ignore[union-attr]


def test_a_root_of_the_same_name_does_not_mislead(files: Files, shelf: Shelf) -> None:
    files.load("path\nCases > Leather > Old\n", model=Category)
    limited = rights(*WRITING, scope=(shelf.cases,))
    assert fates(files.load("sku,category\nC,Cases > Leather\nL,Cases > Leather\n", actor=limited)) == (0, 1, 1, 0)
    assert product("C").category.path.startswith(shelf.cases)  # type: ignore[union-attr]


#: Who may not know what brands, categories and tags are called: without the right to read them, or the fields hidden.
BLIND = {
    "no right": rights("product:read", "product:update", "product:export", "product:import"),
    "hidden names": rights(
        *("product:read", "product:update", "product:export", "product:import"),
        *("brand:read", "category:read", "tag:read"),
        hidden=frozenset({"brand.name", "category.name", "tag.name"}),
    ),
}


@pytest.mark.parametrize("who", BLIND)
def test_names_of_what_may_not_be_known_change_nothing(files: Files, shelf: Shelf, who: str) -> None:
    blind = BLIND[who]
    for form in ("csv", "jsonl"):
        path = files.out(Product, form, blind)
        text = path.read_text(encoding="utf-8")
        assert not {"Clay", "Tin", "Phones", "new"} & set(text.replace(",", " ").replace('"', " ").split())
        before = digest()
        assert fates(files.load(path, actor=blind)) == (0, 0, 5, 0)
        assert digest() == before


def test_hidden_paths_of_a_tree_are_not_exported(files: Files, shelf: Shelf) -> None:
    blind = rights("category:read", "category:export", hidden=frozenset({"category.name"}))
    for form in ("csv", "jsonl"):
        text = files.out(Category, form, blind).read_text(encoding="utf-8")
        assert "slug" in text and not re.search("Phones|Cases|Leather", text)


def signed_up(grants: tuple[str, ...]) -> Actor:
    """Return a person of the house with one role of `grants`."""
    with writes.unit(HOUSE, "Person") as unit:
        role = unit.add(Role(key="importers", name="Importers", grants=list(grants)))
        person = unit.add(User(email="importer@example.org", roles=[role]))
    db.session.rollback()
    return policy.actor_of(db.session.get_one(User, person.id))


def test_an_import_does_not_outlive_the_right_to_it(files: Files, shelf: Shelf) -> None:
    actor = signed_up((*WRITING, "brand:create"))

    def revoke(_report: Report) -> None:
        with writes.unit(HOUSE, "Revoke") as unit:
            unit.session.scalars(select(User).where(User.email == "importer@example.org")).one().active = False

    rows = "".join(f"T-{number},x\n" for number in range(700))
    report = files.load(f"sku,name\n{rows}", actor=actor, tell=revoke)
    assert fates(report) == (500, 0, 0, 200)
    assert errors(report)[0]["reason"].startswith("This needs the grant product:import")
    done = db.session.scalars(select(Product.sku).where(Product.sku.like("T-%"))).all()
    assert len(done) == 500, "what was done before stands, the rest does not come"
