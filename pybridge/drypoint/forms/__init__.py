"""Exported C as a library of a build system.

    files = forms.arrange("zephyr", forms.Parts(...))    # relative path -> text

Each form holds the generated models, their self-tests and one copy of the engine. Forms differ in
the folders of these files and in the build system's description; no form changes the C.
"""

from ._arrange import FORMS as FORMS
from ._arrange import Form as Form
from ._arrange import arrange as arrange
from ._parts import ModelParts as ModelParts
from ._parts import Parts as Parts
