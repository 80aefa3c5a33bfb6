"""Read the environment once into typed settings; standard library only.

Each key is declared once, as a `Key` below, and described for people in docs/settings.md, which a test compares with
this file. An optional `config.py` in the instance folder overrides defaults; the environment wins over it.
"""

import os
import re
import runpy
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar, overload
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_SECRET_KEY = 32
# Phrases of examples and tutorials: a key that holds one was not drawn at random.
DEFAULT_SECRET_KEY = re.compile(r"change.?(me|this)|replace.?(me|this)|insecure|your.?secret|testing.only", re.I)
# Sign-in services that are known by name; any other one is found by its discovery document.
KNOWN_PROVIDERS = frozenset({"google", "microsoft", "github", "facebook", "x"})

T = TypeVar("T")


class ConfigurationError(Exception):
    """Say everything that is missing or unsafe in the settings, and what to do about each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("Backoffice cannot start with these settings:\n" + "\n".join(f"- {line}" for line in problems))


@dataclass(frozen=True)
class Kind(Generic[T]):
    """How a value is written: a label for people, and the reader, which raises ValueError saying what to write."""

    label: str
    read: Callable[[str], T]


def _text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line of printable text")
    return value


def _path(value: str) -> Path:
    return (ROOT / value).resolve()


def _truth(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError("must be true or false")
    return words[value.lower()]


def _host_names(value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not all(re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:]+\]", name) for name in names):
        raise ValueError("must be host names separated by commas, without scheme, port or path")
    return names


def _database_url(value: str) -> str:
    """Name the PostgreSQL driver; providers hand out postgres:// and postgresql://."""
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", value)
    if not url.startswith(("postgresql+psycopg://", "sqlite://")):
        raise ValueError("must start with sqlite:// or postgresql://")
    urlsplit(url).port  # noqa: B018 (raises on a port that is no number)
    return url


def integer(least: int, most: int) -> Kind[int]:
    """Accept a whole number within bounds."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", value) or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return Kind(f"number {least} to {most}", read)


def choice(*words: str) -> Kind[str]:
    """Accept one of some words, in any case."""

    def read(value: str) -> str:
        found = next((word for word in words if word.lower() == value.lower()), None)
        if found is None:
            raise ValueError(f"must be one of: {', '.join(words)}")
        return found

    return Kind(" or ".join(words), read)


def url(*schemes: str, password: bool = False) -> Kind[str]:
    """Accept an address with one of some schemes; a password in it only where the key is a secret."""

    def read(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.hostname or parts.port == 0 or re.search(r"\s", value):
            raise ValueError(f"must be a whole address that starts with {' or '.join(f'{s}://' for s in schemes)}")
        if not password and "@" in parts.netloc:
            raise ValueError("must not contain a user name or password")
        return value.rstrip("/")

    return Kind(f"address, {' or '.join(schemes)}", read)


def maybe(kind: Kind[T]) -> Kind[T | None]:
    """Accept what another kind accepts, or nothing."""
    return Kind(kind.label, lambda value: kind.read(value) if value else None)


text = Kind("text", _text)
path = Kind("path", _path)
truth = Kind("true or false", _truth)
host_names = Kind("host names", _host_names)
database_url = Kind("address, sqlite or postgresql", _database_url)


class Key(Generic[T]):
    """One setting; its name in the environment is the attribute's in capitals."""

    def __init__(self, kind: Kind[T], default: str, doc: str, *, secret: bool = False) -> None:
        self.kind, self.default, self.doc, self.secret = kind, default, doc, secret

    def __set_name__(self, owner: type["Keys"], name: str) -> None:
        self.name = owner.prefix + name.upper()

    @overload
    def __get__(self, keys: None, owner: type) -> Self: ...
    @overload
    def __get__(self, keys: "Keys", owner: type) -> T: ...
    def __get__(self, keys: "Keys | None", owner: type) -> Self | T:
        if keys is None:
            return self
        value: T = keys.values[self.name]
        return value

    def __set__(self, keys: "Keys", value: object) -> NoReturn:
        raise AttributeError(f"{self.name} is read once and cannot be changed")


class Keys:
    """A group of keys, read together; showing it never shows a secret."""

    prefix: ClassVar[str] = ""
    values: Mapping[str, Any]

    @classmethod
    def declared(cls) -> Iterator[Key[Any]]:
        """Yield every key in the order of its declaration."""
        for owner in reversed(cls.__mro__):
            yield from (item for item in vars(owner).values() if isinstance(item, Key))

    def __repr__(self) -> str:
        shown = (f"{key.name}={self._shown(key)}" for key in self.declared())
        return f"<{type(self).__name__} {' '.join(shown)}>"

    def _shown(self, key: Key[Any]) -> str:
        value = self.values[key.name]
        return repr(value) if not key.secret else "(secret)" if value else "(not set)"


class Provider(Keys):
    """A service that signs people in by OpenID Connect or OAuth."""

    prefix = "OIDC_<NAME>_"

    client_id = Key(text, "", "Names this installation to the sign-in service.")
    client_secret = Key(text, "", "Proves this installation to the sign-in service.", secret=True)
    discovery_url = Key(
        maybe(url("https", "http")),
        "",
        "Where the service describes itself; may be left out for google, microsoft, github, facebook and x.",
    )

    def __init__(self, name: str, given: Mapping[str, str], problems: list[str]) -> None:
        self.name = name.lower()
        self.values = {}
        for key in self.declared():
            shown = key.name.replace("<NAME>", name)
            self.values[key.name] = _read(key, shown, given.get(shown, ""), problems)
            required = key.name != "OIDC_<NAME>_DISCOVERY_URL" or self.name not in KNOWN_PROVIDERS
            if required and not given.get(shown):
                problems.append(f"{shown} is missing: set it, or remove the other OIDC_{name}_ settings.")
        self.values = MappingProxyType(self.values)


class Settings(Keys):
    """What every environment has in common."""

    # Defaults of one environment; {NAME} stands for another setting's value.
    defaults: ClassVar[Mapping[str, str]] = {}

    app_env = Key(
        choice("development", "testing", "production"),
        "development",
        "Which of the three sets of defaults and checks applies.",
    )
    instance_path = Key(path, "instance", "Folder of what belongs to this installation: database, media, mail, logs.")
    secret_key = Key(
        text,
        "",
        "Signs sessions and links; required in production, at least 32 random characters. "
        "Development keeps a generated one in `secret_key` in the instance folder.",
        secret=True,
    )
    host = Key(text, "127.0.0.1", "Address on which the development server listens.")
    port = Key(integer(1, 65535), "5000", "Port on which the development server listens.")
    base_url = Key(
        url("https", "http"),
        "http://127.0.0.1:{PORT}",
        "Address under which people reach this installation, used in mails; https in production.",
    )
    trusted_hosts = Key(
        host_names,
        "",
        "Host names that requests may ask for, separated by commas; `.example.org` includes subdomains; empty: any.",
    )
    proxy_fix = Key(integer(0, 9), "0", "How many reverse proxies in front set X-Forwarded-For, -Proto and -Host.")
    database_url = Key(
        database_url,
        "sqlite:///{INSTANCE_PATH}/backoffice.db",
        "Database, SQLite or PostgreSQL; a relative SQLite path starts at the instance folder.",
        secret=True,
    )
    redis_url = Key(maybe(url("redis", "rediss", password=True)), "", "Redis for cache and limits.", secret=True)
    celery_broker_url = Key(
        maybe(url("redis", "rediss", "amqp", "amqps", password=True)),
        "",
        "Broker that carries jobs to Celery workers; without it the built-in worker does them.",
        secret=True,
    )
    storage = Key(choice("local", "s3"), "local", "Where images are kept.")
    media_root = Key(path, "{INSTANCE_PATH}/media", "Folder of images when they are kept locally.")
    s3_bucket = Key(text, "", "Bucket of images; required when STORAGE is s3.")
    s3_endpoint_url = Key(maybe(url("https", "http")), "", "Address of an S3-compatible service other than Amazon's.")
    aws_access_key_id = Key(text, "", "Access key for S3; empty: the machine's own role.")
    aws_secret_access_key = Key(text, "", "Secret that belongs to the access key.", secret=True)
    aws_region = Key(text, "us-east-1", "Region of the bucket.")
    mail_server = Key(text, "", "SMTP server; empty: mails are written as .eml files to `mail` in the instance folder.")
    mail_port = Key(integer(1, 65535), "25", "Port of the SMTP server.")
    mail_use_tls = Key(truth, "false", "Whether the connection to the SMTP server is encrypted by STARTTLS.")
    mail_username = Key(text, "", "User name at the SMTP server.")
    mail_password = Key(text, "", "Password at the SMTP server.", secret=True)
    mail_default_sender = Key(text, "backoffice@localhost", "Sender of the mails.")
    ldap_url = Key(maybe(url("ldap", "ldaps")), "", "Directory that checks passwords.")
    ldap_bind_dn_template = Key(
        text,
        "",
        "Name to bind with, such as `uid={username},ou=people,dc=example,dc=org`; required with LDAP_URL.",
    )
    sentry_dsn = Key(maybe(url("https", "http", password=True)), "", "Where errors are reported.", secret=True)
    log_level = Key(
        choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "INFO",
        "Least important message that is logged; of libraries nothing below WARNING.",
    )
    session_hours = Key(integer(1, 720), "12", "Hours without a request after which a session ends.")
    remember_days = Key(integer(1, 365), "30", "Days for which “remember me” holds.")
    max_content_length = Key(integer(65536, 2**33), "33554432", "Largest request in bytes, uploads included.")
    max_form_memory_size = Key(integer(65536, 2**30), "2097152", "Largest form in bytes, files apart.")
    max_form_parts = Key(integer(100, 100_000), "5000", "Largest number of fields in a form.")

    def __init__(self, environ: Mapping[str, str]) -> None:
        problems: list[str] = []
        self.values = {}
        given = self._given(environ, problems)
        for key in self.declared():
            default = self.defaults.get(key.name, key.default).format_map(self.values)
            value = _read(key, key.name, given.get(key.name, default), problems)
            # What is wrong has been noted; its default lets the rest be judged too.
            self.values[key.name] = key.kind.read(default) if value is None else value
        self.providers = MappingProxyType(_providers(given, problems))
        self._complete(problems)
        problems += self.unsafe(environ)
        if problems:
            raise ConfigurationError(problems)
        self.values = MappingProxyType(self.values)

    def _given(self, environ: Mapping[str, str], problems: list[str]) -> Mapping[str, str]:
        """Join the instance folder's config.py and the environment; an empty value counts as not given."""
        named = _named(environ)
        folder = _path(named.get("INSTANCE_PATH", Settings.instance_path.default))
        return _instance_file(folder / "config.py", problems) | named

    def _complete(self, problems: list[str]) -> None:
        """Fill in what depends on other settings."""
        head, _, query = self.database_url.partition("?")
        file = re.fullmatch(r"sqlite:///(?!:memory:)(?!file:)(.+)", head)
        if file:
            head = f"sqlite:///{self.instance_path / file[1]}"
            self.values = {**self.values, "DATABASE_URL": f"{head}?{query}" if query else head}

    def unsafe(self, environ: Mapping[str, str]) -> Iterator[str]:
        """Yield what is missing or does not fit together, and what to do about it."""
        if self.storage == "s3" and not self.s3_bucket:
            yield "S3_BUCKET is missing: name the bucket, or set STORAGE=local."
        if bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            yield "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both or neither."
        if bool(self.mail_username) != bool(self.mail_password):
            yield "MAIL_USERNAME and MAIL_PASSWORD belong together: set both or neither."
        if self.ldap_url and "{username}" not in self.ldap_bind_dn_template:
            yield "LDAP_BIND_DN_TEMPLATE must contain {username}, or everybody would sign in as the same entry."

    @property
    def secure_cookies(self) -> bool:
        """Tell whether cookies may travel over https only."""
        return self.base_url.startswith("https://")

    def flask(self) -> dict[str, Any]:
        """Return what Flask and its extensions read from `app.config`."""
        cookie = {"HTTPONLY": True, "SAMESITE": "Lax", "SECURE": self.secure_cookies}
        return {
            "TESTING": self.app_env == "testing",
            "SECRET_KEY": self.secret_key,
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            # What a statement carries is not told in errors: password hashes among it, and data of people.
            "SQLALCHEMY_ENGINE_OPTIONS": {"hide_parameters": True},
            "PREFERRED_URL_SCHEME": urlsplit(self.base_url).scheme,
            "TRUSTED_HOSTS": list(self.trusted_hosts) or None,
            "PERMANENT_SESSION_LIFETIME": timedelta(hours=self.session_hours),
            "REMEMBER_COOKIE_DURATION": timedelta(days=self.remember_days),
            "MAX_CONTENT_LENGTH": self.max_content_length,
            "MAX_FORM_MEMORY_SIZE": self.max_form_memory_size,
            "MAX_FORM_PARTS": self.max_form_parts,
            # A token lives as long as its session: a form may stay open for a working day.
            "WTF_CSRF_TIME_LIMIT": None,
            **{f"SESSION_COOKIE_{name}": value for name, value in cookie.items()},
            **{f"REMEMBER_COOKIE_{name}": value for name, value in cookie.items()},
        }


class Development(Settings):
    """One person's computer: nothing has to be set."""

    def _complete(self, problems: list[str]) -> None:
        super()._complete(problems)
        if self.secret_key:
            return
        file = self.instance_path / "secret_key"
        try:
            self.values = {**self.values, "SECRET_KEY": _kept_secret(file)}
        except OSError as error:
            problems.append(f"INSTANCE_PATH {self.instance_path} cannot be used: {error}. Name a writable folder.")
            return
        if len(self.secret_key) < SHORTEST_SECRET_KEY:
            problems.append(f"{file} does not hold a whole key: delete it, and a new one will be made.")


class Testing(Settings):
    """The test suite: only the environment counts, and never the database that a person works with."""

    defaults = {
        "SECRET_KEY": "testing-only",
        "DATABASE_URL": "sqlite:///{INSTANCE_PATH}/testing.db",
        "LOG_LEVEL": "WARNING",
    }

    def _given(self, environ: Mapping[str, str], problems: list[str]) -> Mapping[str, str]:
        return _named(environ)


class Production(Settings):
    """An installation that others reach: what is missing or unsafe stops it."""

    @property
    def secure_cookies(self) -> bool:
        """Tell whether cookies may travel over https only: in production always."""
        return True

    def unsafe(self, environ: Mapping[str, str]) -> Iterator[str]:
        """Yield what must not be so where others can reach it."""
        yield from super().unsafe(environ)
        yield from self._unsafe_secret_key()
        address = urlsplit(self.base_url)
        if address.scheme != "https" and address.hostname not in LOOPBACK:
            yield f"BASE_URL {self.base_url} is not encrypted: put the installation behind https and name that address."
        if self.host not in LOOPBACK and address.hostname in LOOPBACK:
            yield "BASE_URL is missing: name the https address under which people reach this installation."
        if self.mail_server and self.mail_server not in LOOPBACK:
            if self.mail_default_sender.endswith("@localhost"):
                yield "MAIL_DEFAULT_SENDER is missing: name an address that may send mail through MAIL_SERVER."
            if self.mail_password and not self.mail_use_tls:
                yield "MAIL_PASSWORD would travel unencrypted: set MAIL_USE_TLS=true."
        if environ.get("FLASK_DEBUG", "").lower() not in {"", "0", "false", "no"}:
            yield "FLASK_DEBUG lets visitors run code: remove it."

    def _unsafe_secret_key(self) -> Iterator[str]:
        remedy = "Set one drawn by: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        if not self.secret_key:
            yield f"SECRET_KEY is missing. {remedy}"
        elif len(self.secret_key) < SHORTEST_SECRET_KEY:
            yield f"SECRET_KEY is shorter than {SHORTEST_SECRET_KEY} characters. {remedy}"
        elif DEFAULT_SECRET_KEY.search(self.secret_key) or len(set(self.secret_key)) < 10:
            yield f"SECRET_KEY is a default or easily guessed. {remedy}"


ENVIRONMENTS: Mapping[str, type[Settings]] = {
    "development": Development,
    "testing": Testing,
    "production": Production,
}


def current(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the environment that APP_ENV names.

    Raises ConfigurationError, which lists all that is missing, wrong or unsafe.
    """
    problems: list[str] = []
    name = _read(Settings.app_env, "APP_ENV", environ.get("APP_ENV", "").strip() or Settings.app_env.default, problems)
    if problems:
        raise ConfigurationError(problems)
    return ENVIRONMENTS[name](environ)


def _read(key: Key[Any], name: str, value: str, problems: list[str]) -> Any:
    try:
        return key.kind.read(value)
    except ValueError as error:
        shown = "" if key.secret else f" ({value[:80]!r})"
        problems.append(f"{name}{shown} {error}.")
        return None


def _providers(given: Mapping[str, str], problems: list[str]) -> dict[str, Provider]:
    pattern = re.compile(r"OIDC_([A-Z0-9]+(?:_[A-Z0-9]+)*)_(?:CLIENT_ID|CLIENT_SECRET|DISCOVERY_URL)")
    names = {match[1] for match in map(pattern.fullmatch, given) if match}
    return {name.lower(): Provider(name, given, problems) for name in sorted(names)}


def _instance_file(file: Path, problems: list[str]) -> dict[str, str]:
    """Read the capital names of the instance folder's config.py; a name that is no setting is a mistake."""
    if not file.is_file():
        return {}
    try:
        values = {name: value for name, value in runpy.run_path(str(file)).items() if name.isupper()}
    except Exception as error:  # noqa: BLE001 (whatever a person's file may raise: say where, and stop)
        problems.append(f"{file} cannot be read: {type(error).__name__}: {error}")
        return {}
    known = {key.name for key in Settings.declared()} - {"APP_ENV", "INSTANCE_PATH"}
    for name in sorted(values):
        if name not in known and not name.startswith("OIDC_"):
            problems.append(f"{name} in {file} is not a setting that can stand there: correct or remove it.")
    return _named({name: _written(value) for name, value in values.items()})


def _named(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in environ.items() if value.strip()}


def _written(value: object) -> str:
    """Write a Python value the way that the environment would."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value).strip()


def _kept_secret(file: Path) -> str:
    """Return the secret of this file; when there is none yet, draw one that only the owner can read."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".secret_key")
        with os.fdopen(handle, "w") as draft:
            draft.write(secrets.token_urlsafe(48))
        try:
            # Of two processes that start at once, one link wins; both then read that file.
            os.link(name, file)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            Path(name).replace(file)
        finally:
            Path(name).unlink(missing_ok=True)
    return file.read_text(encoding="utf-8", errors="replace").strip()
