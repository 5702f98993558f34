"""Trained models that come with the package: no network, no account.

    model = models.load("lenet-mnist")  # float, with encoder and decoder
    model(picture)  # 7
    program = models.load_program("lenet-mnist")  # the same net in integers, for an Engine
    print(models.card("lenet-mnist"))  # what it was trained on, how, and what it is worth

``make model`` makes them anew. An untrained net of the same layers is ``nn.lenet()``.
"""

from ._card import ModelCard as ModelCard
from ._card import Score as Score
from ._shipped import UnknownModelError as UnknownModelError
from ._shipped import card as card
from ._shipped import load as load
from ._shipped import load_program as load_program
from ._shipped import names as names
