"""Trained models that come with the package: no network, no account.

    model = models.load("lenet-mnist")  # float, with encoder and decoder
    model(picture)  # 7
    program = models.load_program("lenet-mnist")  # its integer program, for an Engine
    print(models.card("lenet-mnist"))  # its data, recipe, sizes and accuracy

``make model`` trains the models again. ``nn.lenet()`` is the untrained net.
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._card import ModelCard as ModelCard
from ._card import Score as Score
from ._shipped import UnknownModelError as UnknownModelError
from ._shipped import card as card
from ._shipped import load as load
from ._shipped import load_program as load_program
from ._shipped import names as names

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
