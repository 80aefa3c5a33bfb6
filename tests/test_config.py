"""Settings: what is read, what is refused with which advice, and that the documentation tells the same."""

import ast
import multiprocessing
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import config

ROOT = Path(config.__file__).parent
GOOD_KEY = "aB3-dE6_gH9jK2mN5pQ8sT1vW4yZ7bC0fR"
DECLARED = [*config.Settings.declared(), *config.Provider.declared()]


def read(tmp_path: Path, **environ: str) -> config.Settings:
    return config.current({"INSTANCE_PATH": str(tmp_path), **environ})


def problems(tmp_path: Path, **environ: str) -> list[str]:
    with pytest.raises(config.ConfigurationError) as caught:
        read(tmp_path, **environ)
    return list(caught.value.problems)


def production(**environ: str) -> dict[str, str]:
    return {"APP_ENV": "production", "SECRET_KEY": GOOD_KEY, "BASE_URL": "https://shop.example.org", **environ}


def documented_row(key: config.Key) -> str:
    default = f"`{key.default}`" if key.default else ""
    kind = key.kind.label + (", secret" if key.secret else "")
    return f"| `{key.name}` | {kind} | {default} | {key.doc} |"


def test_the_documented_table_is_the_code() -> None:
    lines = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")]
    expected = ["| Name | Value | Default | Meaning |", "|---|---|---|---|", *map(documented_row, DECLARED)]
    assert table == expected, "write this into docs/settings.md:\n" + "\n".join(expected)


@pytest.mark.parametrize("key", DECLARED, ids=lambda key: key.name)
def test_every_key_has_one_plain_line_of_documentation(key: config.Key) -> None:
    assert key.doc.endswith(".")
    assert "\n" not in key.doc
    assert "|" not in key.doc


def test_every_name_of_the_contract_is_declared_once() -> None:
    names = [key.name for key in DECLARED]
    assert len(names) == len(set(names))
    assert set(names) >= {
        *"APP_ENV SECRET_KEY INSTANCE_PATH HOST PORT DATABASE_URL BASE_URL REDIS_URL CELERY_BROKER_URL STORAGE".split(),
        *"S3_BUCKET S3_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION MEDIA_ROOT MAIL_SERVER".split(),
        *"MAIL_PORT MAIL_USE_TLS MAIL_USERNAME MAIL_PASSWORD MAIL_DEFAULT_SENDER LDAP_URL".split(),
        *"LDAP_BIND_DN_TEMPLATE OIDC_<NAME>_CLIENT_ID OIDC_<NAME>_CLIENT_SECRET OIDC_<NAME>_DISCOVERY_URL".split(),
        *"SENTRY_DSN LOG_LEVEL TRUSTED_HOSTS PROXY_FIX".split(),
    }


def test_only_the_standard_library_is_imported() -> None:
    tree = ast.parse((ROOT / "config.py").read_text(encoding="utf-8"))
    imports = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imports |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imports} <= sys.stdlib_module_names


def test_nothing_set_is_development_in_the_instance_folder(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert isinstance(settings, config.Development)
    assert (settings.host, settings.port, settings.storage) == ("127.0.0.1", 5000, "local")
    assert settings.base_url == "http://127.0.0.1:5000"
    assert settings.database_url == f"sqlite:///{tmp_path}/backoffice.db"
    assert settings.media_root == tmp_path / "media"


def test_relative_folders_start_at_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = config.current({"SECRET_KEY": GOOD_KEY})
    assert settings.instance_path == ROOT / "instance"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "8080", 8080),
        ("PORT", " 8080 ", 8080),
        ("PORT", "", 5000),
        ("MAIL_USE_TLS", "Yes", True),
        ("MAIL_USE_TLS", "0", False),
        ("STORAGE", "LOCAL", "local"),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("BASE_URL", "https://shop.example.org/", "https://shop.example.org"),
        ("TRUSTED_HOSTS", "shop.example.org, .example.net", ("shop.example.org", ".example.net")),
        ("REDIS_URL", "", None),
        ("REDIS_URL", "redis://:word@cache:6379/0", "redis://:word@cache:6379/0"),
        ("DATABASE_URL", "postgres://me@db/shop", "postgresql+psycopg://me@db/shop"),
        ("DATABASE_URL", "postgresql://me@db/shop", "postgresql+psycopg://me@db/shop"),
        ("DATABASE_URL", "postgresql+psycopg://me@db/shop", "postgresql+psycopg://me@db/shop"),
        ("DATABASE_URL", "sqlite://", "sqlite://"),
        ("DATABASE_URL", "sqlite:////var/shop.db", "sqlite:////var/shop.db"),
        ("DATABASE_URL", "sqlite:///shop.db?timeout=3", "sqlite:///{tmp_path}/shop.db?timeout=3"),
    ],
)
def test_values_are_typed(tmp_path: Path, name: str, text: str, value: object) -> None:
    expected = value.replace("{tmp_path}", str(tmp_path)) if isinstance(value, str) else value
    assert getattr(read(tmp_path, **{name: text}), name.lower()) == expected


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("APP_ENV", "staging", "must be one of: development, testing, production"),
        ("PORT", "80a", "must be a whole number from 1 to 65535"),
        ("PORT", "-1", "must be a whole number from 1 to 65535"),
        ("PORT", "99999999999999999999", "must be a whole number from 1 to 65535"),
        ("PORT", "٨٠", "must be a whole number from 1 to 65535"),
        ("MAIL_USE_TLS", "maybe", "must be true or false"),
        ("STORAGE", "ftp", "must be one of: local, s3"),
        ("BASE_URL", "shop.example.org", "must be a whole address that starts with https:// or http://"),
        ("BASE_URL", "https://", "must be a whole address that starts with https:// or http://"),
        ("BASE_URL", "https://me:word@shop.example.org", "must not contain a user name or password"),
        ("BASE_URL", "https://shop.example.org:99999", "Port out of range"),
        ("TRUSTED_HOSTS", "https://shop.example.org", "must be host names separated by commas"),
        ("DATABASE_URL", "mysql://me@db/shop", "must start with sqlite:// or postgresql://"),
        ("HOST", "a\nb", "must be one line of printable text"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(tmp_path: Path, name: str, text: str, advice: str) -> None:
    (problem,) = problems(tmp_path, **{name: text})
    assert problem.startswith(name)
    assert advice in problem


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, APP_ENV="production", PORT="x", STORAGE="s3", BASE_URL="http://shop.example.org")
    assert [problem.split()[0] for problem in found] == ["PORT", "S3_BUCKET", "SECRET_KEY", "BASE_URL"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 32"),
        ({"SECRET_KEY": "a" * 64}, "SECRET_KEY is a default or easily guessed"),
        ({"SECRET_KEY": "please-change-me-0123456789-abcdefghij"}, "SECRET_KEY is a default or easily guessed"),
        ({"BASE_URL": "http://shop.example.org"}, "BASE_URL http://shop.example.org is not encrypted"),
        ({"BASE_URL": "", "HOST": "0.0.0.0"}, "BASE_URL is missing"),
        ({"STORAGE": "s3"}, "S3_BUCKET is missing"),
        ({"AWS_ACCESS_KEY_ID": "name"}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together"),
        ({"MAIL_USERNAME": "me"}, "MAIL_USERNAME and MAIL_PASSWORD belong together"),
        ({"MAIL_SERVER": "mail.example.org"}, "MAIL_DEFAULT_SENDER is missing"),
        ({"LDAP_URL": "ldaps://directory.example.org"}, "LDAP_BIND_DN_TEMPLATE must contain {username}"),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG lets visitors run code"),
        ({"OIDC_WORK_CLIENT_ID": "a"}, "OIDC_WORK_CLIENT_SECRET is missing"),
    ],
)
def test_production_refuses_what_is_unsafe(tmp_path: Path, changed: dict[str, str], named: str) -> None:
    found = problems(tmp_path, **production(**changed))
    assert [problem for problem in found if problem.startswith(named)], found


def test_production_does_not_send_a_mail_password_unencrypted(tmp_path: Path) -> None:
    mail = {"MAIL_SERVER": "mail.example.org", "MAIL_USERNAME": "me", "MAIL_PASSWORD": "word"}
    mail["MAIL_DEFAULT_SENDER"] = "shop@example.org"
    assert problems(tmp_path, **production(**mail)) == [
        "MAIL_PASSWORD would travel unencrypted: set MAIL_USE_TLS=true."
    ]
    assert read(tmp_path, **production(**mail, MAIL_USE_TLS="true")).mail_use_tls


@pytest.mark.parametrize("base_url", ["https://shop.example.org", "http://localhost:8000", "http://127.0.0.1", ""])
def test_production_starts_when_it_is_safe(tmp_path: Path, base_url: str) -> None:
    settings = read(tmp_path, **production(BASE_URL=base_url))
    assert isinstance(settings, config.Production)
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(
    ("environ", "secure"),
    [
        ({}, False),
        ({"BASE_URL": "https://shop.example.org"}, True),
        (production(), True),
        (production(BASE_URL="http://localhost"), True),
    ],
)
def test_cookies_are_safe(tmp_path: Path, environ: dict[str, str], secure: bool) -> None:
    mapping = read(tmp_path, **environ).flask()
    for cookie in ("SESSION_COOKIE", "REMEMBER_COOKIE"):
        assert mapping[f"{cookie}_HTTPONLY"] is True
        assert mapping[f"{cookie}_SAMESITE"] == "Lax"
        assert mapping[f"{cookie}_SECURE"] is secure


def test_flask_gets_its_limits(tmp_path: Path) -> None:
    mapping = read(tmp_path, MAX_FORM_PARTS="200", SESSION_HOURS="2", TRUSTED_HOSTS="shop.example.org").flask()
    assert mapping["MAX_CONTENT_LENGTH"] == 32 * 1024 * 1024
    assert mapping["MAX_FORM_PARTS"] == 200
    assert mapping["PERMANENT_SESSION_LIFETIME"] == timedelta(hours=2)
    assert mapping["TRUSTED_HOSTS"] == ["shop.example.org"]
    assert mapping["WTF_CSRF_TIME_LIMIT"] is None
    assert mapping["TESTING"] is False
    assert read(tmp_path, APP_ENV="testing").flask()["TESTING"] is True


def test_development_keeps_its_secret_key_to_itself(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "instance"
    first = read(folder)
    file = folder / "secret_key"
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read(folder).secret_key == first.secret_key
    assert [path.name for path in folder.iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(_secret_key, [str(tmp_path)] * 12)
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def _secret_key(folder: str) -> str:
    return config.current({"INSTANCE_PATH": folder}).secret_key


def test_a_broken_kept_key_and_an_unusable_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    assert problems(tmp_path) == [
        f"{tmp_path}/secret_key does not hold a whole key: delete it, and a new one will be made."
    ]
    file = tmp_path / "file"
    file.write_text("")
    (problem,) = problems(file)
    assert problem.startswith(f"INSTANCE_PATH {file} cannot be used")


def test_the_environment_wins_over_the_instance_file_and_that_over_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(
        "PORT = 8001\nHOST = '::1'\nMAIL_USE_TLS = True\nTRUSTED_HOSTS = ['a.example']\n"
    )
    settings = read(tmp_path, PORT="8002")
    assert (settings.port, settings.host, settings.mail_use_tls) == (8002, "::1", True)
    assert settings.trusted_hosts == ("a.example",)
    assert read(tmp_path, PORT="").port == 8001


def test_tests_do_not_read_the_instance_file(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("DATABASE_URL = 'postgresql://me@db/shop'\n")
    assert read(tmp_path, APP_ENV="testing").database_url == f"sqlite:///{tmp_path}/testing.db"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("PROT = 8001", "PROT in"),
        ("APP_ENV = 'production'", "APP_ENV in"),
        ("PORT = 'x'", "PORT ('x') must be"),
        ("PORT = ", "config.py cannot be read: SyntaxError"),
        ("1 / 0", "config.py cannot be read: ZeroDivisionError"),
    ],
)
def test_a_mistake_in_the_instance_file_is_named(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "config.py").write_text(content)
    (problem,) = problems(tmp_path)
    assert named in problem


def test_sign_in_services_are_a_family(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        OIDC_GOOGLE_CLIENT_ID="id",
        OIDC_GOOGLE_CLIENT_SECRET="hush",
        OIDC_HEAD_OFFICE_CLIENT_ID="id2",
        OIDC_HEAD_OFFICE_CLIENT_SECRET="hush2",
        OIDC_HEAD_OFFICE_DISCOVERY_URL="https://login.example.org/.well-known/openid-configuration",
    )
    assert list(settings.providers) == ["google", "head_office"]
    assert settings.providers["google"].client_id == "id"
    assert settings.providers["google"].discovery_url is None
    assert settings.providers["head_office"].client_secret == "hush2"


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    secret = {key.name: f"hush{number}" for number, key in enumerate(DECLARED) if key.secret and "OIDC" not in key.name}
    for name, scheme in [("DATABASE_URL", "postgresql"), ("REDIS_URL", "redis"), ("CELERY_BROKER_URL", "amqp")]:
        secret[name] = f"{scheme}://me:{secret[name]}@host/1"
    secret["SENTRY_DSN"] = "https://hush@errors.example.org/1"
    provider = {"OIDC_X_CLIENT_ID": "id", "OIDC_X_CLIENT_SECRET": "hush"}
    settings = read(tmp_path, **secret, **provider, AWS_ACCESS_KEY_ID="id", MAIL_USERNAME="me")
    shown = f"{settings!r} {settings} {settings.providers['x']!r}"
    assert "hush" not in shown
    assert "(secret)" in shown
    assert "hush" not in str(problems(tmp_path, DATABASE_URL="hush", REDIS_URL="hush", SECRET_KEY="hush\x00"))


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = read(tmp_path)
    with pytest.raises(AttributeError, match="PORT is read once"):
        settings.port = 1
    with pytest.raises(TypeError):
        settings.values["PORT"] = 1
