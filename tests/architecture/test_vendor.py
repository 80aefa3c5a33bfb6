"""The third-party files that the browser loads are exactly those of the manifest, with their licences."""

import hashlib
import json
import re
import tomllib

import pytest

from tests.tools import ROOT, load

VENDOR = ROOT / "backoffice" / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))["packages"]
FILES = {entry["file"]: entry["sha256"] for package in PACKAGES for entry in package["files"]}


def test_every_file_is_listed_and_every_listed_file_is_there() -> None:
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert found == {"manifest.json", *FILES}


def test_every_file_is_the_one_that_was_released() -> None:
    changed = [
        name for name, sha256 in FILES.items() if hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() != sha256
    ]
    assert changed == [], "restore these files, or run `make vendor`"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["package"])
def test_every_package_names_and_carries_its_licence(package: dict) -> None:
    assert package["licence"] in {"MIT", "0BSD", "BSD-3-Clause", "Apache-2.0", "GPL-2.0-or-later"}
    assert package["licence_files"]
    for name in package["licence_files"]:
        assert f"{package['package']}/{package['version']}/{name}" in FILES


def test_the_manifest_is_that_of_the_list_to_fetch() -> None:
    wanted = tomllib.loads((ROOT / ".ci" / "vendor.toml").read_text(encoding="utf-8"))["packages"]
    assert [(entry["name"], entry["version"]) for entry in wanted] == [
        (entry["package"], entry["version"]) for entry in PACKAGES
    ], "run `make vendor`"


def test_only_minified_scripts_and_styles_without_source_maps() -> None:
    assert not [name for name in FILES if name.endswith(".map")]
    assert not [name for name in FILES if re.search(r"(?<!\.min)\.(js|css)$", name)]


def test_the_sprite_holds_each_single_icon() -> None:
    vendor = load("vendor")
    (sprite,) = VENDOR.rglob("sprite.svg")
    assert vendor.sprite(list((sprite.parent / "outline").glob("*.svg"))) == sprite.read_text(encoding="utf-8")
