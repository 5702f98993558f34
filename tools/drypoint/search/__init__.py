"""The best net for a chip: a search under exact budgets.

found = search.best(data, target="cortex-m0+", budget="ram=2K,flash=16K", minutes=5)
found.save("net-for-my-chip")
"""

from ._best import best as best
from ._errors import SearchError as SearchError
from ._front import FrontPicture as FrontPicture
from ._front import Point as Point
from ._result import Result as Result
