"""A journal of trials in a file, which survives killed writers and full disks; loads Optuna."""

import io
import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from ._errors import SearchError


class Journal(JournalFileBackend):
    """Optuna's journal, which cuts off a torn last line before it writes.

    A process that was killed while it wrote leaves such a line. The next line would be joined to
    it, and no Optuna could read either.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._writers = JournalFileSymlinkLock(str(file))
        super().__init__(str(file), lock_obj=self._writers)
        self.append_logs([])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append each log as a line, or none of them.

        Raises:
            SearchError: the file cannot be written.
        """
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        try:
            self._writers.acquire()
            try:
                self._write(lines.encode("utf-8"))
            finally:
                self._writers.release()
        except OSError as error:
            raise SearchError(
                f"the study {self._file} cannot be written: {error.strerror}; it keeps its "
                "finished trials, and the same command goes on with them once that is mended"
            ) from error

    def _write(self, lines: bytes) -> None:
        with self._file.open("r+b", buffering=0) as file:
            end = _find_end(file)
            file.truncate(end)
            file.seek(end)
            try:
                written = 0
                while written < len(lines):  # a disk that gets full takes a part
                    written += file.write(lines[written:])
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(end)
                raise


def _find_end(file: io.FileIO) -> int:
    """The bytes of a file up to the end of its last whole line."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 1, 0))
    if file.read(1) == b"\n":
        return size
    file.seek(0)
    return file.read().rfind(b"\n") + 1
