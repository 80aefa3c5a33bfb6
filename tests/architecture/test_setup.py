"""A fresh machine gets what is pinned, and is told in one line what it lacks."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = ["requirements.txt", "requirements/dev.txt", "requirements/extras.txt"]


def pins(name: str) -> dict[str, str]:
    """Return the version of each package that a requirements file pins."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", PINNED)
def test_every_requirement_is_one_version_with_its_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[\w])", text.strip())
    assert len(entries) == len(pins(name)) > 10
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", PINNED)
def test_no_requirement_names_a_place_to_fetch_it_from(name: str) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", (ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PINNED[1:])
def test_one_environment_can_hold_all(name: str) -> None:
    run, more = pins(PINNED[0]), pins(name)
    assert run.items() <= more.items()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a folder of commands that holds only what a bare system has."""
    for command in ("sh", "dirname", "basename", "cmp"):
        (tmp_path / command).symlink_to(shutil.which(command) or command)
    return tmp_path


def call(command: list[str], machine: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": str(machine)}, check=False)


def pretend_python(machine: Path, code: str) -> None:
    """Put a `python3` there that runs `code` before what `-c` says."""
    script = machine / "python3"
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.executable = __file__\n{code}\nexec(sys.argv[2])\n")
    script.chmod(0o755)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("", "Python 3.11 or newer is missing: install it (apt-get install python3 python3-venv)."),
        (
            "sys.version_info = (3, 9, 2)",
            "Python 3.11 or newer is missing: install it (apt-get install python3 python3-venv).",
        ),
        (
            "sys.version_info = (3, 12, 1); sys.modules['ensurepip'] = None",
            "Python 3.12 lacks its venv module: install it (apt-get install python3.12-venv).",
        ),
    ],
)
def test_a_missing_python_is_named_in_one_line(machine: Path, code: str, line: str) -> None:
    if code:
        pretend_python(machine, code)
    done = call([str(ROOT / ".ci" / "python")], machine)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line + "\n")


def test_a_missing_git_is_named_in_one_line(machine: Path) -> None:
    done = call([str(ROOT / ".ci" / "venv"), "requirements.txt"], machine)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "git is missing: install it (apt-get install git).\n"


def test_a_python_that_will_do_is_found(machine: Path) -> None:
    pretend_python(machine, "sys.version_info = (3, 11, 0)")
    done = call([str(ROOT / ".ci" / "python")], machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{machine}/python3\n", "")


def test_the_scripts_can_be_executed() -> None:
    assert [name for name in ("run", "python", "venv") if not os.access(ROOT / ".ci" / name, os.X_OK)] == []
