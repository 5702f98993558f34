"""The facts that the manifests of an exported library state about it."""

import re
from dataclasses import dataclass, fields

from drypoint.common import DrypointError

ENGINE_LICENCE = "Apache-2.0"
"""SPDX identifier of the engine's licence."""

_LONGEST = 200  # characters of a value; PlatformIO takes 1000 of a description, 100 of a name
_VERSION = re.compile(r"(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){2}", re.ASCII)
# An SPDX expression, in which "()" stands for an expression in parentheses. Any identifier is
# taken: the list of licences grows.
_IDENTIFIER = r"(?!(?:AND|OR|WITH)(?:[ )]|$))[A-Za-z0-9.+-]+"
_LICENCE = rf"(?:\(\)|{_IDENTIFIER}(?: WITH {_IDENTIFIER})?)"
_LICENCES = rf"{_LICENCE}(?: (?:AND|OR) {_LICENCE})*"
_CONTACT = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/?#@!$&()*+,;=%:-]*)?")


class PackageError(DrypointError, ValueError):
    """A fact of a package is unknown or not as the manifests take it."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """The facts of an exported library: of its model, not of drypoint. "" stands for not stated.

    Each text has at most 200 characters, in one line.

    Attributes:
        version: of the library, three whole numbers: ``1.2.3``.
        licence: of the model, an SPDX expression: ``MIT``, ``LicenseRef-Acme``. A manifest adds
            ``AND Apache-2.0`` for the engine.
        author: a person or an organisation.
        contact: the author's e-mail address; it needs an author.
        url: a page about the library, ``https://...``.
        description: one sentence.

    Raises:
        PackageError: a value is not as above.
    """

    version: str = "0.0.0"
    licence: str = ""
    author: str = ""
    contact: str = ""
    url: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        for key in package_keys():
            _check_text(key, getattr(self, key))
        _check(_VERSION.fullmatch(self.version), "version", self.version, "1.2.3")
        wanted = "an SPDX expression: MIT, LicenseRef-Acme, MIT OR 0BSD"
        _check(_is_expression(self.licence), "licence", self.licence, wanted)
        for key, pattern, wanted in (
            ("contact", _CONTACT, "an e-mail address"),
            ("url", _URL, "a web address, https://..."),
        ):
            value = getattr(self, key)
            _check(not value or pattern.fullmatch(value), key, value, wanted)
        if self.contact and not self.author:
            raise PackageError("the package has a contact without an author: state its author too")

    @property
    def licences(self) -> str:
        """The SPDX expression of model and engine together; "" if the model's is not stated."""
        if self.licence in ("", ENGINE_LICENCE):
            return self.licence
        needs = re.search(r"\bOR\b", self.licence)  # AND binds more tightly than OR
        return f"{f'({self.licence})' if needs else self.licence} AND {ENGINE_LICENCE}"

    @property
    def vendor(self) -> str:
        """The author as a CMSIS-Pack's vendor: letters, digits, ``_`` and ``-``."""
        return re.sub(r"[^A-Za-z0-9_-]+", "_", self.author).strip("_") or "unknown"

    @property
    def person(self) -> str:
        """The author with the e-mail address: ``Name <name@example.org>``; "" for no author."""
        return f"{self.author} <{self.contact}>" if self.author and self.contact else self.author


def package_keys() -> tuple[str, ...]:
    """The names of the facts, in order."""
    return tuple(field.name for field in fields(Package))


def _is_expression(licence: str) -> bool:
    """Whether a text is an SPDX expression or ""."""
    if not licence or "()" in licence:
        return not licence
    found = 1
    while found:  # each round takes the innermost parentheses off
        licence, found = re.subn(rf"\((?!\)){_LICENCES}\)", "()", licence)
    return re.fullmatch(_LICENCES, licence) is not None


def _check_text(key: str, value: object) -> None:
    one_line = isinstance(value, str) and value.isprintable() and value == value.strip()
    if not one_line or len(str(value)) > _LONGEST:
        raise PackageError(
            f"the package's {key} is {str(value)[:40]!r}; wanted: a text in one line, without "
            f"spaces at its ends, of at most {_LONGEST} characters"
        )


def _check(holds: object, key: str, value: str, wanted: str) -> None:
    if not holds:
        raise PackageError(f"the package's {key} is {value!r}; wanted: {wanted}")
