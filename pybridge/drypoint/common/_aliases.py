"""Names that users of PyTorch, Keras and scikit-learn type first: accepted, or answered.

One rule decides: a name with the same meaning in drypoint works, an *alias*. A name with another
meaning, or with none, raises an error of one line that says what to write: a *hint*. An alias has
the same arguments and values; only its spelling differs. CONTRIBUTING.md has examples.
"""

import difflib
import functools
import importlib
import inspect
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from ._errors import DrypointError
from ._tables import count_of

Names = Mapping[str, str]
Callee = TypeVar("Callee", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)

NO_NAMES: Names = {}


class ArgumentNameError(DrypointError, TypeError):
    """A call has an argument too many, one too few, or one of an unknown name."""


class UnknownNameError(DrypointError, AttributeError):
    """A module or an object has no attribute of the name."""


def known_word(text: str, known: Iterable[str]) -> str | None:
    """The word of ``known`` that equals ``text`` but for case, hyphens and underscores."""
    return {_plain(word): word for word in known}.get(_plain(text))


def module_getattr(
    module: str, *, aliases: Names = NO_NAMES, hints: Names = NO_NAMES
) -> Callable[[str], Any]:
    """A ``__getattr__`` for a module: aliases of its names, and hints. Its public functions and
    classes answer an unknown argument with the nearest name.

    Args:
        module: the module's ``__name__``; its names are there.
        aliases: another framework's name -> the module's name of the same thing.
        hints: another framework's name -> what to write in its place.
    """
    _suggest_arguments(vars(sys.modules[module]))

    def getattr_(name: str) -> Any:
        if name in aliases:
            return getattr(importlib.import_module(module), aliases[name])
        known = [n for n in vars(importlib.import_module(module)) if not n.startswith("_")]
        raise UnknownNameError(unknown(f"{module} has no", name, known, hints))

    return getattr_


def attribute_hints(hints: Names) -> Callable[[Class], Class]:
    """A decorator of a class: a missing attribute of an instance raises an error with a hint.

    Args:
        hints: another framework's name -> what to write in its place.
    """

    def decorate(cls: Class) -> Class:
        def getattr_(self: object, name: str) -> Any:
            known = [] if name.startswith("_") else [n for n in dir(self) if not n.startswith("_")]
            raise UnknownNameError(unknown(f"{type(self).__name__} has no", name, known, hints))

        cls.__getattr__ = getattr_  # type: ignore[attr-defined]
        return cls

    return decorate


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Other frameworks' names and order of the arguments of one function or class.

    Attributes:
        aliases: another framework's name of an argument -> the name here.
        hints: another framework's name of an argument, or the name here of an argument that was
            left out -> what to write.
        order: the arguments in PyTorch's order; used for ``least`` or more positional arguments,
            a number that the order here does not take.
        least: see ``order``; 0 for no other order.
        too_many: what to write in place of more positional arguments than there are.
    """

    aliases: Names = field(default_factory=dict)
    hints: Names = field(default_factory=dict)
    order: tuple[str, ...] = ()
    least: int = 0
    too_many: str = ""


def accept(arguments: Arguments) -> Callable[[Callee], Callee]:
    """A decorator of a function or class that accepts the aliases and answers with the hints.

    The decorated call raises `ArgumentNameError` for arguments that do not fit the signature.
    """

    def decorate(callee: Callee) -> Callee:
        is_class = isinstance(callee, type)
        function: Any = callee.__init__ if is_class else callee
        signature = inspect.signature(function)
        name = callee.__name__

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            first, given = (args[:1], args[1:]) if is_class else ((), args)
            if not options.keys() <= signature.parameters.keys():
                renamed = {arguments.aliases.get(key, key): v for key, v in options.items()}
                options = renamed if len(renamed) == len(options) else options
            ordered = dict(zip(arguments.order, given, strict=False))
            other_order = 0 < arguments.least <= len(given) <= len(arguments.order)
            if other_order and not ordered.keys() & options.keys():
                options, given = {**ordered, **options}, ()
            try:
                signature.bind(*first, *given, **options)
            except TypeError as error:
                message = _refusal(
                    name, given, options, signature=signature, arguments=arguments, error=str(error)
                )
                raise ArgumentNameError(message) from None
            return function(*first, *given, **options)

        if not is_class:
            return cast("Callee", call)
        setattr(callee, "__init__", call)  # noqa: B010 (mypy refuses the assignment)
        return callee

    return decorate


def _suggest_arguments(part: dict[str, Any]) -> None:
    """Let public functions and classes answer an unknown argument with the nearest name."""
    for name, thing in list(part.items()):
        module = getattr(thing, "__module__", None) or ""
        if name.startswith("_") or not module.startswith(f"{part['__name__']}."):
            continue
        if inspect.isfunction(thing):
            part[name] = _make_suggesting(thing, name)
            setattr(sys.modules[module], thing.__name__, part[name])  # where pickle looks for it
        own = inspect.isclass(thing) and inspect.isfunction(vars(thing).get("__init__"))
        if own and not getattr(thing, "_is_protocol", False):
            setattr(thing, "__init__", _make_suggesting(thing.__init__, name))  # noqa: B010


def _make_suggesting(function: Any, name: str) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except TypeError as error:
            found = re.search("unexpected keyword argument '(.*?)'", str(error))
            here = error.__traceback__ is None or error.__traceback__.tb_next is None
            if found is None or not here:  # of another call, inside of this one
                raise
            known = [p for p in inspect.signature(function).parameters if p not in ("self", "_")]
            message = unknown(f"{name} takes no argument", found[1], known, NO_NAMES)
            raise ArgumentNameError(message) from None

    return call


def _refusal(
    name: str,
    given: Sequence[object],
    options: Mapping[str, object],
    *,
    signature: inspect.Signature,
    arguments: Arguments,
    error: str,
) -> str:
    """Why a call does not fit a signature."""
    known = [p for p in signature.parameters if p not in ("self", "_")]
    for key in options:
        if key not in known:
            return unknown(f"{name} takes no argument", key, known, arguments.hints)
    if "too many positional" in error:
        there = arguments.too_many or f"it takes {', '.join(known) or 'none'}"
        count = count_of(len(given), "positional argument")
        return f"{name} got {count}, too many: {there}"
    missing = next((k for k in known if f"'{k}'" in error), "")
    if "missing" in error and missing in arguments.hints:
        return f"{name} got no {missing}: {arguments.hints[missing]}"
    return f"{name}: {error}; it takes {', '.join(known)}"


def unknown(start: str, name: str, known: Sequence[str], hints: Names) -> str:
    """The message for an unknown name: its hint, else the closest names, else up to 40 known."""
    if name in hints:
        return f"{start} {name!r}: {hints[name]}"
    by_plain = {_plain(word): word for word in known}
    close = difflib.get_close_matches(_plain(name), by_plain, n=3, cutoff=0.7)
    if close:
        return f"{start} {name!r}; is it {' or '.join(by_plain[c] for c in close)}?"
    there = f"; there are {', '.join(known)}" if 0 < len(known) <= 40 else ""
    return f"{start} {name!r}{there}"


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def number_words(words: Sequence[str]) -> list[str]:
    """The words, with a number from 1 where a word stands more than once: conv1, pool, conv2."""
    totals, seen = Counter(words), Counter[str]()
    names = []
    for word in words:
        seen[word] += 1
        names.append(f"{word}{seen[word]}" if totals[word] > 1 else word)
    return names
