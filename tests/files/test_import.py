"""What an import does: once, again, as a dry run, over what is in the trash, and taken back."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import bulk, writes
from backoffice.errors import Refused
from backoffice.extensions import Base, db
from backoffice.models.brand import Brand
from backoffice.models.category import Category
from backoffice.models.history import Change, ChangeSet
from backoffice.models.product import Product
from backoffice.models.role import Role
from backoffice.models.tag import Tag
from backoffice.models.user import User
from backoffice.operations import records, undo
from backoffice.operations.imports import BadFile, Report
from tests.admin.conftest import digest

from .conftest import HOUSE, Files, change_sets, count, errors, fates, product

TABLE = """sku,name,price,currency,brand,category,tags,attributes.colour,status
I-1,Blue mug,5,EUR,Clay,Kitchen > Cups,"blue, sale",blue,published
I-2,Red mug,6.50,EUR,clay,Kitchen > Cups,red,red,draft
I-3,Spade,12,USD,Tin,Garden,,,
"""


def test_a_file_makes_products_and_what_they_refer_to(files: Files) -> None:
    report = files.load(TABLE)
    assert fates(report) == (3, 0, 0, 0)
    assert report.also_created == {"brand": 2, "category": 3, "tag": 3}
    assert (count(Product), count(Brand), count(Category), count(Tag)) == (3, 2, 3, 3)
    mug = product("I-1")
    assert mug.category and mug.category.parent and mug.category.parent.name == "Kitchen"
    assert (mug.slug, mug.brand and mug.brand.name, mug.version) == ("blue-mug", "Clay", 1)
    assert change_sets() == [("import", "Import of file.csv", 11)]


def test_a_second_run_changes_nothing(files: Files) -> None:
    files.load(TABLE)
    before = digest()
    report = files.load(TABLE)
    assert fates(report) == (0, 0, 3, 0)
    assert report.change_set_id is None and not report.also_created
    assert digest() == before


def test_what_differs_is_changed_and_kept_in_history(files: Files) -> None:
    first = files.load(TABLE)
    report = files.load('sku,price,tags,attributes.size\nI-1,5.00,"sale, blue",\nI-2,7,,L\nI-9,1,,\nI-3,12,new,\n')
    assert fates(report) == (0, 2, 1, 1)
    assert errors(report)[0]["reason"] == "Name: fill this in."
    diffs = db.session.execute(
        select(Change.resource, Change.label, Change.verb, Change.diff, Change.version)
        .where(Change.change_set_id == report.change_set_id)
        .order_by(Change.label)
    ).all()
    assert [tuple(row[:3]) for row in diffs] == [
        ("product", "Red mug", "update"), ("product", "Spade", "update"), ("tag", "new", "create"),
    ]  # fmt: skip
    assert diffs[0].diff == {"price": ["6.50", "7.00"], "attributes.size": [None, "L"]} and diffs[0].version == 2
    assert product("I-2").attributes == {"colour": "red", "size": "L"}, "one entry leaves the others alone"
    assert report.change_set_id != first.change_set_id


def everything() -> dict[str, Any]:
    """Return what people see of the catalogue: records by what names them, without versions and moments."""
    hidden = {"version", "created_at", "updated_at", "trashed_at", "id"}
    found: dict[str, Any] = {}
    for model in (Product, Brand, Category, Tag):
        rows = db.session.scalars(select(model).where(model.trashed_at.is_(None)))
        found[model.__name__] = {
            row.id: {
                column.key: getattr(row, column.key) for column in model.__table__.columns if column.key not in hidden
            }
            for row in rows
        }
    found["tags"] = {row.sku: [tag.name for tag in row.tags] for row in db.session.scalars(select(Product))}
    return found


def test_undo_takes_everything_back(files: Files) -> None:
    files.load(TABLE)
    db.session.rollback()
    before = everything()
    report = files.load(
        "sku,name,price,brand,category,tags,attributes.colour,name.fr\n"
        "I-1,Blue cup,9,Glass,Kitchen > Glasses,new,green,Tasse\nI-2,Red mug,6.5,Clay,,,,\nI-4,Fork,2,Tin,Kitchen,,,\n"
    )
    assert fates(report) == (2, 1, 1, 0) or fates(report) == (1, 1, 1, 0)
    assert report.change_set_id is not None
    undo.undo_change_set(HOUSE, report.change_set_id)
    db.session.rollback()
    after = everything()
    after["tags"].pop("I-4")
    assert after == before
    assert product("I-4").trashed_at, "what was created is in the trash"


def live() -> dict[str, int]:
    """Return how many records of each kind are not in the trash."""
    return {
        model.__name__: len(db.session.scalars(select(model.id).where(model.trashed_at.is_(None))).all())
        for model in (Product, Brand, Category)
    }


def test_a_whole_import_is_one_change_set_however_many_chunks(files: Files) -> None:
    rows = "".join(
        f"C-{number},Name {number % 50},Brand {number % 300},Top > Sub {number % 30}\n" for number in range(1_200)
    )
    chunks: list[int] = []
    report = files.load(f"sku,name,brand,category\n{rows}", tell=lambda report: chunks.append(report.rows))
    assert fates(report) == (1_200, 0, 0, 0) and len(chunks) > 1
    assert change_sets() == [("import", "Import of file.csv", 1_531)]
    assert db.session.scalar(select(ChangeSet.change_count)) == 1_531
    assert len(set(db.session.scalars(select(Product.slug)))) == 1_200
    assert report.change_set_id is not None
    undone = undo.undo_change_set(HOUSE, report.change_set_id)
    db.session.rollback()
    assert (undone.count, undone.skipped) == (1_531, [])
    assert live() == {"Product": 0, "Brand": 0, "Category": 0}, "no category is held up by what it held"
    assert undone.change_set_id is not None
    redone = undo.undo_change_set(HOUSE, undone.change_set_id)
    db.session.rollback()
    assert (redone.count, redone.skipped) == (1_531, [])
    assert live() == {"Product": 1_200, "Brand": 300, "Category": 31}


def test_a_category_that_others_use_by_now_is_left_by_undo(files: Files) -> None:
    report = files.load("sku,name,category\nU-1,x,Kitchen > Cups\nU-2,y,Kitchen > Pots\n")
    files.load("sku,name,category\nU-3,z,Kitchen > Cups\n")
    assert report.change_set_id is not None
    undone = undo.undo_change_set(HOUSE, report.change_set_id)
    db.session.rollback()
    assert undone.count == 3, "two products and the empty category"
    assert [(item.label, item.reason.split(".")[0]) for item in undone.skipped] == [
        ("Cups", "“Cups” holds products, such as “z”"),
        ("Kitchen", "“Kitchen” holds other categories, such as “Cups”"),
    ]


DRY = """sku,name,price,brand,category,slug
D-1,New,5,Clay,Kitchen > Cups,
D-2,Bad,x,Glass,Garden,
D-3,Renamed,7,Tin,Kitchen > Pots,
D-4,Same,4,,,
D-5,Gone,1,,,
D-6,Taken,1,Lead,,same
D-1,New,5,Clay,Kitchen > Cups,
D-4,Other,4,,,
D-7,Bad category,,, > ,
"""


@pytest.mark.parametrize("restore", [False, True])
def test_a_dry_run_writes_nothing_and_tells_what_the_run_then_does(files: Files, restore: bool) -> None:
    files.load("sku,name,price\nD-3,Old,7\nD-4,Same,4\nD-5,Gone,1\n")
    gone = product("D-5").id
    writes.run(HOUSE, "Delete", lambda unit: records.trash(unit, unit.get(Product, gone)))
    before = digest()
    dry = files.load(DRY, dry_run=True, restore=restore)
    assert digest() == before
    assert dry.change_set_id is None
    said = errors(dry)
    real = files.load(DRY, restore=restore)
    assert fates(dry) == fates(real) == ((1, 1 + restore, 2, 5 - restore))
    assert (dry.also_created, dry.repeated) == (real.also_created, real.repeated) == ({"brand": 3, "category": 3}, 1)
    assert said == errors(real)


def test_a_dry_run_of_many_chunks_counts_each_new_brand_once(files: Files) -> None:
    rows = "".join(f"M-{number},x,Brand {number % 5},Top > Sub {number % 3}\n" for number in range(1_300))
    dry = files.load(f"sku,name,brand,category\n{rows}", dry_run=True)
    assert (fates(dry), dry.also_created) == ((1_300, 0, 0, 0), {"brand": 5, "category": 4})
    assert count(Product) == count(Brand) == 0


def test_a_dry_run_of_a_tree_knows_what_it_created(files: Files) -> None:
    rows = "".join(
        f"Top > Sub {number % 40},{number}\nTop > Sub {number % 40} > Leaf {number},1\n" for number in range(40)
    )
    content = f"path,position\n{rows}Top,5\n"
    dry = files.load(content, model=Category, dry_run=True)
    assert count(Category) == 0
    real = files.load(content, model=Category)
    assert fates(dry) == fates(real) == (80, 1, 0, 0) and dry.also_created == real.also_created == {"category": 1}


def test_what_is_in_the_trash_is_brought_back_only_when_asked(files: Files) -> None:
    files.load(TABLE)
    mug = product("I-1")
    writes.run(
        HOUSE,
        "Delete",
        lambda unit: [records.trash(unit, unit.get(Product, product(sku).id)) for sku in ("I-1", "I-2")],
    )
    for model, name in ((Brand, "Clay"), (Category, "Cups"), (Category, "Kitchen")):
        key = db.session.scalars(select(model.id).where(model.name == name)).one()
        writes.run(HOUSE, "Delete", lambda unit, model=model, key=key: records.trash(unit, unit.get(model, key)))
    before = digest()
    refused = files.load(TABLE)
    assert fates(refused) == (0, 0, 1, 2)
    assert [row["reason"] for row in errors(refused)] == [
        f"“{sku}” is in the trash. Restore it there, or import with --restore." for sku in ("I-1", "I-2")
    ]
    assert digest() == before
    named = files.load("sku,name,brand,category\nI-4,x,clay,\nI-5,x,,Kitchen > Cups\nI-6,x,,Kitchen > Plates\n")
    assert fates(named) == (0, 0, 0, 3)
    assert all("in the trash. Restore it there, or import with --restore." in row["reason"] for row in errors(named))
    report = files.load(TABLE.replace("I-1,Blue mug,5", "I-1,Blue mug,8"), restore=True)
    assert fates(report) == (0, 2, 1, 0), errors(report)
    db.session.rollback()
    assert product("I-1").trashed_at is None and product("I-1").price == 8 and product("I-1").id == mug.id
    assert not db.session.scalars(select(Brand.id).where(Brand.trashed_at.is_not(None))).all()
    assert not db.session.scalars(select(Category.id).where(Category.trashed_at.is_not(None))).all()
    assert fates(files.load(TABLE.replace("I-1,Blue mug,5", "I-1,Blue mug,8"), restore=True)) == (0, 0, 3, 0)


NAMES = """name,slug
Same,first
same,second
"""


def test_namesakes_are_told_apart_or_refused(files: Files) -> None:
    files.load(NAMES, model=Brand, key="slug")
    assert count(Brand) == 2
    report = files.load("name,website\nSame,https://example.org\n", model=Brand)
    assert fates(report) == (0, 0, 0, 1)
    assert errors(report)[0]["reason"].startswith("2 records are called “Same”. Use --key slug")
    assert fates(files.load("slug,website\nsecond,https://example.org\n", model=Brand, key="slug")) == (0, 1, 0, 0)
    # A product takes the one that is written so, and keeps the one that it has.
    files.load("sku,name,brand\nN-1,x,same\nN-2,x,Same\nN-3,x,SAME\n")
    assert [product(f"N-{number}").brand.slug for number in (1, 2, 3)] == ["second", "first", "first"]  # type: ignore[union-attr]
    second = db.session.scalars(select(Brand.id).where(Brand.slug == "second")).one()
    writes.run(
        HOUSE, "Move", lambda unit: records.update(unit, unit.get(Product, product("N-2").id), {"brand_id": second})
    )
    assert fates(files.load("sku,name,brand\nN-2,x,Same\n")) == (0, 0, 1, 0)


def test_a_category_stays_out_of_its_own_subtree(files: Files) -> None:
    files.load("path\nA > B > C\n", model=Category)
    slugs = {row.name: row.slug for row in db.session.scalars(select(Category))}
    before = digest()
    report = files.load(f"slug,parent\n{slugs['A']},A > B > C\n{slugs['B']},A > B\n", model=Category, key="slug")
    assert fates(report) == (0, 0, 0, 2)
    assert all("lies within this category" in row["reason"] for row in errors(report))
    assert digest() == before


def test_rows_that_fail_leave_no_category_behind(files: Files) -> None:
    files.load("path,slug\nOne,taken\n", model=Category)
    deep = " > ".join("abcdefghijklm")
    report = files.load(f"path,slug\nNew > Bad,taken\nNew > Good,good\n{deep},deep\n", model=Category)
    assert fates(report) == (1, 0, 0, 2), errors(report)
    names = set(db.session.scalars(select(Category.name)))
    assert names == {"One", "New", "Good"}
    assert report.also_created == {"category": 1}
    paths = {row.name: row.path for row in db.session.scalars(select(Category))}
    assert paths["Good"].startswith(paths["New"]), "the row after it is not misled"


def lose(unit: writes.Unit) -> None:
    """Write in every way, then fail."""
    with unit.attempt():
        bulk.insert_rows(unit, Brand, [{"name": "Lost"}])
        unit.emit("tested", {})
        unit.add(Tag(name="lost too"))
        raise Refused("no")


def test_an_attempt_that_fails_leaves_no_change(app: Flask) -> None:
    """What was written set-based in a part that failed must not stand in history."""

    def work(unit: writes.Unit) -> None:
        bulk.insert_rows(unit, Brand, [{"name": "Kept"}])
        with pytest.raises(Refused):
            lose(unit)

    _nothing, receipt = writes.run(HOUSE, "Attempt", work)
    assert [draft.label for draft in receipt.changes] == ["Kept"]
    assert db.session.scalars(select(Change.label)).all() == ["Kept"]
    assert count(Tag) == 0 and count(Base.metadata.tables["outbox_message"]) == 0


FILES_REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no key": ("name\nx\n", {}, "no column “sku”, which says what record a row is about. Its columns are: name."),
    "a foreign key": ("sku,name\n1,x\n", {"model": Brand, "key": "sku"}, "found by “sku”. Use one of: name"),
    "a key that is none": ("sku,price\n1,2\n", {"key": "price"}, "found by “price”. Use one of: sku, "),
    "one thing twice": ("sku,Name,name\n1,x,y\n", {}, "The columns “Name” and “name” mean the same."),
    "two places": ("path,parent\nA,B\n", {"model": Category}, "“path” says already what “parent” says."),
    "people": ("email\na@example.org\n", {"model": User}, "Users are not imported from files."),
    "roles": ("name\nBoss\n", {"model": Role}, "Roles are not imported from files."),
    "no such mapping": ("sku\n1\n", {"mapping": "none"}, "There is no mapping "),
}  # fmt: skip


def test_files_that_cannot_be_used_are_refused_whole(files: Files) -> None:
    before = digest()
    for case, (content, options, said) in FILES_REFUSED.items():
        with pytest.raises(BadFile) as refusal:
            files.load(content, **options)
        assert said in str(refusal.value), case
    assert digest() == before and not (files.folder / "imports").exists()


MAPPINGS_REFUSED = {
    "not JSON": ("{", "is not JSON"),
    "a list": ("[]", "must be an object of our columns"),
    "a column that we do not have": ('{"sku": "a", "colour": "b"}', "names columns that we do not have: colour"),
    "a column that the file does not have": ('{"sku": "a", "name": "z"}', "does not have: z. Its columns are: a, b."),
    "no key": ('{"name": "a"}', "has no column “sku”"),
    "nonsense": ('{"sku": 1}', "The mapping of “sku” is not understood."),
    "an empty source": ('{"sku": ""}', "The mapping of “sku” is not understood."),
    "an unknown option": ('{"$options": {"sheet": "1"}, "sku": "a"}', "unknown options: sheet. Known are: delimiter"),
    "options that are no texts": ('{"$options": {"key": 1}, "sku": "a"}', "“$options” of the mapping"),
    "of another resource": ('{"$options": {"resource": "brand"}, "sku": "a"}', "Give --resource brand."),
}


def test_mappings_that_cannot_be_used_are_refused_in_words(files: Files) -> None:
    before = digest()
    for case, (mapping, said) in MAPPINGS_REFUSED.items():
        path = files.write(mapping, "mapping.json")
        with pytest.raises(BadFile) as refusal:
            files.load("a,b\n1,2\n", mapping=str(path))
        assert said in str(refusal.value), case
    assert digest() == before


MAPPING = {
    "$options": {"delimiter": ";", "key": "sku", "resource": "product"},
    "sku": {"template": "S-{Art.-Nr.}"},
    "name": "Titel|Kurztitel",
    "price": "Preis",
    "currency": {"constant": "USD"},
    "brand": [{"column": "Marke|Modell"}, "Hersteller", {"constant": "No name"}],
    "description": {"template": "{Titel} {{neu}} {Text}"},
    "attributes.EAN": "EAN",
}


def test_a_mapping_makes_our_columns_of_theirs(files: Files) -> None:
    (files.folder / "mappings").mkdir()
    files.write(json.dumps(MAPPING), "mappings/supplier.json")
    report = files.load(
        "Art.-Nr.;Titel;Kurztitel;Preis;Marke|Modell;Hersteller;Text;EAN;Lager\n"
        "1;Tasse;T;5;Clay;Tin;Blau;12;9\n2;;Kanne;;;Tin;;;9\n3;Topf;;1;;;;;\n;;;;;;;;9\n",
        mapping="supplier",
    )
    assert fates(report) == (3, 0, 0, 1), errors(report)
    assert report.ignored == ["Lager"]
    cup, pot = product("S-1"), product("S-2")
    assert (cup.name, cup.currency, cup.brand.name, cup.attributes) == ("Tasse", "USD", "Clay", {"EAN": 12})  # type: ignore[union-attr]
    assert cup.description == "<p>Tasse {neu} Blau</p>"
    assert (pot.name, pot.price, pot.brand.name, pot.description) == ("Kanne", None, "Tin", None)  # type: ignore[union-attr]
    assert product("S-3").brand.name == "No name"  # type: ignore[union-attr]
    assert errors(report)[0]["reason"] == "“sku” is empty. It says what record the row is about."


def test_columns_are_recognised_and_the_others_named(files: Files) -> None:
    report = files.load("SKU,Name ,image-url,Attributes.Colour,stock,,Image\n1,x,y,blue,5,z,\n")
    assert fates(report) == (1, 0, 0, 0)
    assert report.ignored == ["stock", "", "Image"]
    assert (product("1").image_url, product("1").attributes) == ("y", {"Colour": "blue"})


def test_a_repeated_row_counts_once(files: Files) -> None:
    report = files.load("sku,name\nR-1,x\nR-1,x\n r-1 ,x\nR-1,y\n R-1,x\n")
    assert fates(report) == (2, 0, 1, 2), "the cells of the last differ, though they mean the same"
    assert report.repeated == 1
    assert [(row["line"], row["reason"]) for row in errors(report)] == [
        ("5", "It stands in line 2 already, with other content. Keep one of the two rows."),
        ("6", "It stands in line 2 already, with other content. Keep one of the two rows."),
    ]
    assert product("R-1").name == "x"


def test_a_row_that_was_refused_does_not_hide_its_correction(files: Files) -> None:
    report = files.load("sku,name,price\nF-1,x,bad\nF-1,x,5\n")
    assert fates(report) == (1, 0, 0, 1)
    assert product("F-1").price == 5


def test_two_imports_at_once_make_nothing_twice(files: Files, app: Flask) -> None:
    rows = [f"Brand {number % 40},Top > Sub {number % 20}\n" for number in range(300)]
    reports: list[Report] = []

    def load(name: str) -> None:
        with app.app_context():
            own = "".join(f"{name if number % 2 else 'both'}-{number},x,{row}" for number, row in enumerate(rows))
            reports.append(files.load(f"sku,name,brand,category\n{own}", f"{name}.csv"))
            db.session.remove()

    threads = [threading.Thread(target=load, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [sum(fates(report)[:3]) for report in reports] == [300, 300], [errors(report) for report in reports]
    assert (count(Product), count(Brand), count(Category)) == (450, 40, 21)


def test_a_chunk_that_a_rule_refuses_loses_the_one_row(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that sees the changes at the end of a unit refuses all of it: the row is looked for by halves."""

    def rule(_unit: writes.Unit, draft: Any) -> None:
        if draft.label == "Forbidden":
            raise Refused("Not this one.", "name")

    monkeypatch.setitem(writes._rules, "product", [rule])
    rows = "".join(f"H-{number},{'Forbidden' if number in (7, 80) else 'Fine'}\n" for number in range(100))
    report = files.load(f"sku,name\n{rows}")
    assert fates(report) == (98, 0, 0, 2)
    assert [(row["sku"], row["reason"], row["column"]) for row in errors(report)] == [
        ("H-7", "Not this one.", "name"), ("H-80", "Not this one.", "name"),
    ]  # fmt: skip
    assert len(change_sets()) == 1


def test_a_translation_is_named_by_the_code_of_its_language(files: Files) -> None:
    files.load(TABLE)
    report = files.load(
        "sku,name.fr,name.pt-BR,name.FR,name.french,name.fr.x,name.zz_ZZ\nI-1,Tasse,Copa,odd,odd,odd,odd\n"
    )
    assert report.ignored == ["name.FR", "name.french", "name.fr.x", "name.zz_ZZ"]
    assert product("I-1").name_i18n == {"fr": "Tasse", "pt-BR": "Copa"}
