"""Baselines: the best of several simple classifiers, to be beaten by a net.

    b = baselines.auto(data.load("mnist", "train"), time_limit=30)
    print(b)  # the table of all methods
    measure.compare({"baseline": b, "lenet": model}, data.load("mnist", "test"))

Needs scikit-learn: ``pip install 'drypoint[baselines]'``, in a clone
``.venv/bin/pip install '.[baselines]'``.
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._auto import auto as auto
from ._baseline import Attempt as Attempt
from ._baseline import Baseline as Baseline
from ._errors import BaselineError as BaselineError
from ._fitted import Fitted as Fitted

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
