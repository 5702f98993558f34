"""Kernels: the arithmetic of the ops. Arrays in, new arrays out; no tape.

`choose` picks for each call the compiled twin in `native`, whose C is in `c`, or the reference in
`numpy`. `runtime` holds threads and the off switch, `updates` the formulas of the optimizers.
"""

from .memory import aligned_empty as aligned_empty
from .memory import copy_aligned as copy_aligned
from .native.call import address as address
from .native.call import aligned_copy as aligned_copy
from .native.call import copy_into as copy_into
from .native.call import copy_rows as copy_rows
from .numpy.elementwise import draw_key as draw_key
