"""Fetch the browser's third-party files from their npm packages and write their manifest.

Run by `make vendor`; needs npm and the network. What to fetch stands in vendor.toml beside this file. The result is
committed: running, testing and deploying the product need neither npm nor the network.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "backoffice" / "static" / "vendor"
MANIFEST = "manifest.json"
SPRITE = "sprite.svg"


def main() -> None:
    """Rebuild the vendor folder from nothing, and replace the old one only when all is there."""
    if shutil.which("npm") is None:
        sys.exit("make vendor needs npm: install Node.js (apt-get install npm).")
    packages = tomllib.loads((HERE / "vendor.toml").read_text(encoding="utf-8"))["packages"]
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "vendor"
        store = Store(Path(scratch) / "npm")
        entries = [vendor(package, store, fresh) for package in packages]
        text = json.dumps({"packages": entries}, indent=2, ensure_ascii=False) + "\n"
        (fresh / MANIFEST).write_text(text, encoding="utf-8")
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)
    print(f"{sum(len(entry['files']) for entry in entries)} files of {len(entries)} packages in {TARGET}")


class Store:
    """Unpacked npm packages, each fetched once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots: dict[str, Path] = {}

    def root(self, spec: str) -> Path:
        """Return the folder of an unpacked package, `name@version`."""
        if spec not in self.roots:
            target = self.folder / re.sub(r"[^\w.@-]", "_", spec)
            target.mkdir(parents=True)
            command = ["npm", "pack", "--silent", "--pack-destination", str(target), spec]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            with tarfile.open(next(target.glob("*.tgz"))) as archive:
                archive.extractall(target, filter="data")
            self.roots[spec] = target / "package"
        return self.roots[spec]


def vendor(package: dict[str, Any], store: Store, fresh: Path) -> dict[str, Any]:
    """Copy one package's files and return its manifest entry."""
    spec = f"{package['name']}@{package['version']}"
    sources = {name: store.root(spec) / source for name, source in package["files"].items()}
    sources |= {name: licence(source, spec, store) for name, source in package["licences"].items()}
    icons = {f"outline/{name}.svg": store.root(spec) / f"icons/outline/{name}.svg" for name in package.get("icons", [])}
    base = fresh / package["name"] / package["version"]
    for name, source in (sources | icons).items():
        target = base / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    if icons:
        (base / SPRITE).write_text(sprite([base / name for name in icons]), encoding="utf-8")
    files = [
        {"file": path.relative_to(fresh).as_posix(), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(base.rglob("*"))
        if path.is_file()
    ]
    return {
        "package": package["name"],
        "version": package["version"],
        "licence": package["licence"],
        "licence_files": sorted(package["licences"]),
        "files": files,
    }


def licence(source: str, spec: str, store: Store) -> Path:
    """Find a licence text: in the package, in one that is built into it, or kept beside this script."""
    if source.startswith("local:"):
        return HERE / source.removeprefix("local:")
    if source.startswith("npm:"):
        other, _, name = source.removeprefix("npm:").rpartition("/")
        return store.root(other) / name
    return store.root(spec) / source


def sprite(icons: list[Path]) -> str:
    """Join single icons into one file of symbols; stroke width and colour are left to the page's style."""
    symbols = []
    for path in sorted(icons):
        match = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text(encoding="utf-8"), re.DOTALL)
        if match is None:
            sys.exit(f"{path.name} is not a single SVG image.")
        shapes = "".join(line.strip() for line in match[1].splitlines() if 'd="M0 0h24v24H0z"' not in line)
        symbols.append(
            f'<symbol id="{path.stem}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
            f'stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


if __name__ == "__main__":
    main()
