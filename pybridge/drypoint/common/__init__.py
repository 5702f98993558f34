"""What every part may use: the base class of errors, checks of arguments, atomic writes, untrusted
JSON, memory limits, progress, one BLAS thread.
"""

from ._aliases import ArgumentNameError as ArgumentNameError
from ._aliases import Arguments as Arguments
from ._aliases import Names as Names
from ._aliases import UnknownNameError as UnknownNameError
from ._aliases import accept as accept
from ._aliases import attribute_hints as attribute_hints
from ._aliases import known_word as known_word
from ._aliases import module_getattr as module_getattr
from ._aliases import unknown as unknown
from ._archive import npy_header as npy_header
from ._archive import pack_members as pack_members
from ._archive import unpack_members as unpack_members
from ._errors import DrypointError as DrypointError
from ._extras import MissingPackageError as MissingPackageError
from ._extras import how_to_install as how_to_install
from ._file_kinds import check_suffix as check_suffix
from ._file_kinds import file_kind as file_kind
from ._files import check_writable as check_writable
from ._files import read_bytes as read_bytes
from ._files import read_start as read_start
from ._files import sha256 as sha256
from ._files import write_all as write_all
from ._files import write_atomic as write_atomic
from ._json import parse_json as parse_json
from ._kinds import check_kind as check_kind
from ._kinds import kind_of as kind_of
from ._limits import READ_LIMIT as READ_LIMIT
from ._limits import check_limit as check_limit
from ._page_style import page_style as page_style
from ._printable import html_text as html_text
from ._printable import markdown_text as markdown_text
from ._printable import printable as printable
from ._progress import Bar as Bar
from ._progress import Display as Display
from ._progress import Lines as Lines
from ._progress import capable_terminal as capable_terminal
from ._progress import clock as clock
from ._progress import progress as progress
from ._progress import rate as rate
from ._progress import show_progress as show_progress
from ._tables import html_image as html_image
from ._tables import html_table as html_table
from ._tables import table_lines as table_lines
from ._threads import one_blas_thread as one_blas_thread
