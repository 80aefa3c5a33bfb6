"""The dashboard: true figures within each person's reach, kept where counting takes long, a list behind each mark."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import OperationalError

from backoffice import policy, writes
from backoffice.extensions import db
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.house import HOUSE_ID, House
from backoffice.models.personal import Figure
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.types import utcnow
from backoffice.models.user import User
from backoffice.operations import figures
from backoffice.policy import Actor

from .conftest import Browser, World

Opened = Callable[..., Browser]


def more(house: Actor, world: World, number: int) -> None:
    """Add products to the category of cups."""
    with writes.unit(house, "More") as unit:
        for at in range(number):
            unit.add(Product(sku=f"N-{at}", name=f"Cup {at}", category_id=world.cups))


def rows_at(browser: Browser, address: str) -> int:
    """Return how many rows the list at `address` shows."""
    return browser.get(address.replace("&amp;", "&")).text.count("data-id=")


def test_every_sentence_and_mark_leads_to_what_it_counts(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "Forget the price") as unit:
        unit.get(Product, world.mug).price = None
    page = admin.get("/admin/").text
    needs = re.findall(r'<li><a href="([^"]+)">.*?<span>([0-9,]+) ', page)
    assert len(needs) >= 3
    for address, count in needs:
        assert rows_at(admin, address) == int(count), address
    marks = re.findall(r'badge-draft" href="([^"]+)">.*?<span class="number">(\d+)</span>', page, re.DOTALL)
    assert [rows_at(admin, address) for address, _count in marks] == [int(count) for _address, count in marks] == [2]
    bars = re.findall(
        r'<a href="(/admin/product/[^"]+)"><bdi>[^<]+</bdi></a>\s*<span class="number">(\d+)</span>', page
    )
    assert sorted(int(count) for _address, count in bars) == [1, 1]
    for address, count in bars:
        assert rows_at(admin, address) == int(count)


def test_who_reads_another_language_is_told_what_has_no_name_in_it(admin: Browser, world: World, house: Actor) -> None:
    def told(language: str) -> list[str]:
        with writes.unit(house, "Speak", source="system") as unit:
            unit.get(User, world.users["administrator"]).locale = language
        return re.findall(r'<a href="([^"]*lacks[^"]*)">.*?<span>(\d+)', admin.get("/admin/").text)

    with writes.unit(house, "French and German") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr", "de"]
        unit.get(Product, world.mug).name_i18n = {"de": "Blaue Tasse"}
    assert told("en") == told("es") == []
    assert told("fr") == [("/admin/product/?name_i18n_lacks=fr", "2")]
    assert told("de") == [("/admin/product/?name_i18n_lacks=de", "1")]
    assert rows_at(admin, "/admin/product/?name_i18n_lacks=fr") == 2


def test_a_language_leads_to_what_has_no_name_in_it(admin: Browser, world: World, house: Actor) -> None:
    with writes.unit(house, "French and German") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr", "de"]
        unit.get(Product, world.mug).name_i18n = {"fr": "Tasse bleue", "de": "Blaue Tasse"}
        unit.get(Product, world.case).name_i18n = {"fr": "Étui"}
    page = admin.get("/admin/").text
    part = page[page.index('id="languages"') :]
    assert re.findall(r'<a href="([^"]+)"><bdi>(\w+)</bdi></a>', part) == [
        ("/admin/product/?name_i18n_lacks=de", "German")
    ], "nothing lacks a French name"
    assert rows_at(admin, "/admin/product/?name_i18n_lacks=de") == 1


def test_who_was_busy_leads_to_what_they_did(admin: Browser, world: World, house: Actor) -> None:
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="13.55")
    page = admin.get("/admin/").text
    part = page[page.index('id="people"') : page.index('id="hours"')]
    found = {label: address for address, label in re.findall(r'<a href="([^"]+)"><bdi>([^<]+)</bdi></a>', part)}
    assert set(found) == {"administrator@example.org", "tests"}
    theirs, others = (admin.get(html.unescape(found[label])).text for label in ("administrator@example.org", "tests"))
    assert "Edit: Blue mug" in theirs and "Edit: Blue mug" not in others
    assert '<option value="none" selected>No person</option>' in others
    with writes.unit(policy.system("night shift"), "More") as unit:
        unit.get(Product, world.mug).price = Decimal(14)
    page = admin.get("/admin/").text
    assert "<bdi>No person</bdi>" in page[page.index('id="people"') : page.index('id="hours"')]


def test_each_person_sees_figures_of_their_own_reach(sign_in: Opened, world: World, house: Actor) -> None:
    more(house, world, 5)
    whole, limited = sign_in("viewer").get("/admin/").text, sign_in("phones-only").get("/admin/").text
    assert "7 drafts are not published." in whole
    assert "1 draft is not published." in limited
    assert "Cups" not in limited and "Phones" in limited
    assert "Translated names" in limited


def test_who_shares_a_role_has_needs_of_their_own(sign_in: Opened, world: World, house: Actor) -> None:
    with writes.unit(house, "Somebody") as unit:
        roles = unit.get(User, world.users["viewer"]).roles
        somebody = unit.add(User(email="somebody@example.org", roles=list(roles), password_hash="unused"))
    world.users["somebody"] = somebody.id
    people = [sign_in("viewer"), sign_in("somebody")]
    assert all("2 drafts are not published." in person.get("/admin/").text for person in people)
    with writes.unit(house, "One of them is responsible") as unit:
        unit.get(Product, world.case).responsible_id = somebody.id
        unit.get(Product, world.case).status = "draft"
    told = [re.findall(r"\d+ drafts? of yours", person.get("/admin/").text) for person in people]
    assert told == [[], ["1 draft of yours"]]


def test_what_takes_long_is_kept_and_counted_again_on_demand(
    admin: Browser, sign_in: Opened, world: World, house: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "QUICK", 0)
    first = admin.get("/admin/").text
    assert "data-stale" in first and "badge-draft" not in first
    counted = admin.get("/admin/figures/").text
    assert "data-stale" not in counted and re.search(r'badge-draft.*?<span class="number">2</span>', counted, re.DOTALL)
    more(house, world, 3)
    kept = admin.get("/admin/").text
    assert "Figures as of" in kept and re.search(r'badge-draft.*?<span class="number">2</span>', kept, re.DOTALL)
    limited = sign_in("phones-only").get("/admin/").text
    assert "badge-draft" not in limited, "who sees other rows has other figures"
    with writes.bookkeeping() as session:
        session.execute(update(Figure).values(made_at=utcnow() - timedelta(minutes=2)))
    assert "data-stale" in admin.get("/admin/").text
    again = admin.get("/admin/figures/").text
    assert re.search(r'badge-draft.*?<span class="number">5</span>', again, re.DOTALL)
    db.session.rollback()
    kinds = sorted(key.partition("/")[0] for key in db.session.scalars(select(Figure.name)))
    assert kinds == ["category", "day", "language", "needs", "needs", "status"], "needs are each person's own"


def test_a_small_catalogue_is_counted_again_when_something_changed(
    admin: Browser, world: World, house: Actor, statements: list[str]
) -> None:
    draft = r'badge-draft.*?<span class="number">(\d+)</span>'
    for more_of_them in (0, 3):
        more(house, world, more_of_them)
        for _time in range(2):
            statements.clear()
            shown = re.search(draft, admin.get("/admin/").text, re.DOTALL)
            assert shown and shown[1] == str(2 + more_of_them)
        counted = [one for one in statements if "FROM product" in one and "count(*)" in one]
        assert not counted, "nothing changed since it was counted"
    going_on = db.session.scalars(select(func.max(ChangeSet.id))).one()
    with writes.unit(house, "The next chunk", source="import", continues=going_on) as unit:
        unit.add(Product(sku="CHUNK-2", name="Of the next chunk"))
    shown = re.search(draft, admin.get("/admin/").text, re.DOTALL)
    assert shown and shown[1] == "6", "a deed that goes on is a change too"


def test_a_change_that_is_committed_late_is_a_change_too(app: Flask, house: Actor, world: World) -> None:
    def state() -> list[Any]:
        db.session.rollback()
        return figures.kept(db.session(), house, again=False).state

    with writes.replacing() as connection:
        row = connection.execute(select(Change.__table__).order_by(Change.id.desc()).limit(1)).mappings().one()
        number = row["id"]
        connection.execute(insert(Change), {**row, "id": number + 2, "version": 98})
    before = state()
    assert state() == before
    with writes.replacing() as connection:
        connection.execute(insert(Change), {**row, "id": number + 1, "version": 97})
    assert state() != before, "one with a lower number was committed after it"


def test_a_busy_database_shows_figures_without_keeping_them(
    admin: Browser, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def keep(_kept: figures.Kept) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(figures.Kept, "keep", keep)
    assert "2 drafts are not published." in admin.get("/admin/").text
    assert "database is locked" in caplog.text


def test_an_hour_of_the_chart_leads_to_its_history(admin: Browser, world: World) -> None:
    admin.submit(f"/admin/product/edit/?id={world.mug}", price="13.55")
    page = admin.get("/admin/").text
    rows = re.findall(r'<tr><th scope="row"><a href="([^"]+)">', page)
    assert rows
    shown = admin.get(rows[-1].replace("&amp;", "&")).text
    assert "Edit: Blue mug" in shown
    assert "Edit: Blue mug" not in admin.get("/admin/history/?until=2020-01-01T00:00:00%2B00:00").text
    for broken in ("yesterday", "2026-01-01", "99999999999999999999", "%00"):
        response = admin.get(f"/admin/history/?since={broken}")
        assert response.status_code == 200 and "not a filter that history knows" in response.text


def test_the_chart_counts_what_history_tells(admin: Browser, sign_in: Opened, world: World, house: Actor) -> None:
    def counted(browser: Browser) -> int:
        found = re.search(
            r'id="hours">.*?<span class="number">(\d+) changes?</span>', browser.get("/admin/").text, re.DOTALL
        )
        assert found
        return int(found[1])

    limited = sign_in("phones-only")
    before = counted(admin), counted(limited)
    with writes.unit(house, "Costs") as unit:
        unit.get(Product, world.case).cost = Decimal("4.56")
    assert (counted(admin), counted(limited)) == (before[0] + 1, before[1]), "cost is hidden from one of them"
    with writes.unit(house, "Prices") as unit:
        unit.get(Product, world.case).price = Decimal("23.45")
    assert (counted(admin), counted(limited)) == (before[0] + 2, before[1] + 1)


def test_translations_are_counted_for_who_sees_them_everywhere(
    newcomer: Callable[..., Browser], world: World, house: Actor
) -> None:
    browser = newcomer(["product:read"], [world.cups], hidden_fields=["product.name_i18n"])
    with writes.unit(house, "Another role") as unit:
        unit.get(House, HOUSE_ID).languages = ["en", "fr"]
        unit.get(Product, world.mug).name_i18n = {"fr": "Tasse"}
        other = unit.add(Role(key="phones", name="Phones", grants=["product:read"]))
        other.categories = [unit.get(Category, world.phones)]
        user = unit.get(User, world.users["somebody"])
        user.roles = [*user.roles, other]
    assert "French" not in browser.get("/admin/").text, "the one product with a French name hides it"


def test_the_number_of_statements_does_not_grow(
    app: Flask, admin: Browser, world: World, house: Actor, statements: list[str]
) -> None:
    def ask() -> int:
        statements.clear()
        assert admin.get("/admin/").status_code == 200
        return len(statements)

    before = ask()
    more(house, world, 40)
    assert ask() <= before
