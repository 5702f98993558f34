"""Exported C in the form that a build system wants: one source, many wrappings.

    files = forms.arrange("zephyr", forms.Parts(...))    # relative path -> text

Each form holds the same generated models, the same engine, once, and the same self-tests; what
differs is where they lie and what describes them. The C itself is never changed.
"""

from ._arrange import FORMS as FORMS
from ._arrange import Form as Form
from ._arrange import arrange as arrange
from ._parts import ModelParts as ModelParts
from ._parts import Parts as Parts
