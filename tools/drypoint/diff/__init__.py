"""Which op went wrong, and why: compares a program with what ran elsewhere, op by op.

    found = diff.find_difference(program, diff.read_log("uart.txt", program), test.x[:1])
    print(found)          # one paragraph
    found.op, found.cause

A device writes the log by ``dpt_run_logged``; the page "Which op went wrong?" specifies its lines.
"""

from ._difference import CAUSES as CAUSES
from ._difference import Difference as Difference
from ._difference import DiffError as DiffError
from ._find import find_difference as find_difference
from ._log import Log as Log
from ._log import LogError as LogError
from ._log import is_log as is_log
from ._log import log_id as log_id
from ._log import read_log as read_log
