"""Puts a fault into modules in memory: lines of the source are replaced, and each function whose
code differs gets the other code, so that it runs wherever the function is used."""

import types
from functools import cached_property
from pathlib import Path


def seed(patch, places):
    """For each (module, right, wrong) replace `right`, which the module's source has once, by
    `wrong`, until `patch` is undone."""
    for module in {module for module, _, _ in places}:
        text = other = Path(module.__file__).read_text("utf-8")
        for where, right, wrong in places:
            if where is module:
                assert text.count(right) == 1, f"{module.__name__} has not once: {right}"
                other = other.replace(right, wrong)
        before, after = _functions(text, module), _functions(other, module)
        changed = [name for name in before if before[name] != after[name]]
        assert changed, places
        for name in changed:
            patch.setattr(_find(module, name), "__code__", after[name])


def _functions(source, module):
    """Qualified name -> code of each function of a source."""
    found = {}

    def walk(code, prefix):
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                name = f"{prefix}{inner.co_name}"
                if inner.co_flags & 1:  # optimized: a function, not the body of a class
                    found.setdefault(name, inner)
                else:
                    walk(inner, f"{name}.")

    walk(compile(source, module.__file__, "exec", dont_inherit=True), "")
    return found


def _find(module, name):
    """The function of a qualified name."""
    *owners, last = name.split(".")
    owner = module
    for part in owners:
        owner = getattr(owner, part)
    found = vars(owner)[last]
    if isinstance(found, property):
        return found.fget
    if isinstance(found, cached_property):
        return found.func
    return getattr(found, "__wrapped__", getattr(found, "__func__", found))
