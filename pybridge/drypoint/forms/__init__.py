"""Exported C as a library of a build system.

    files = forms.arrange("zephyr", forms.Parts(...))    # relative path -> text

Each form holds the generated models, their self-tests, one copy of the engine and the engine's
licence. Forms differ in the folders of these files and in the build system's manifest; no form
changes the C. A `Package` holds what the manifests state: version, licence, author.
"""

from ._arrange import FORMS as FORMS
from ._arrange import LISTENING_FORMS as LISTENING_FORMS
from ._arrange import Form as Form
from ._arrange import arrange as arrange
from ._package import Package as Package
from ._package import PackageError as PackageError
from ._package import package_keys as package_keys
from ._parts import LICENCE_FILE as LICENCE_FILE
from ._parts import ModelParts as ModelParts
from ._parts import Parts as Parts
