"""What every part may use: the base of errors, files written whole, one BLAS thread."""

from ._archive import pack_members as pack_members
from ._archive import unpack_members as unpack_members
from ._errors import DrypointError as DrypointError
from ._files import check_writable as check_writable
from ._files import read_bytes as read_bytes
from ._files import sha256 as sha256
from ._files import write_all as write_all
from ._files import write_atomic as write_atomic
from ._tables import html_table as html_table
from ._tables import table_lines as table_lines
from ._threads import one_blas_thread as one_blas_thread
