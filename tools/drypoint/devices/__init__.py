"""Devices: the table of targets, programs for them, and emulators that run those here."""

from ._emulate import DeviceError as DeviceError
from ._emulate import build as build
from ._emulate import build_jobs as build_jobs
from ._emulate import check_tools as check_tools
from ._emulate import emulate as emulate
from ._emulate import needed_tools as needed_tools
from ._exported import Answer as Answer
from ._exported import Instructions as Instructions
from ._exported import build_exported as build_exported
from ._exported import can_count as can_count
from ._exported import count_instructions as count_instructions
from ._exported import rebuild_exported as rebuild_exported
from ._exported import run_exported as run_exported
from ._jobs import Job as Job
from ._jobs import Run as Run
from ._jobs import decode as decode
from ._jobs import encode as encode
from ._targets import TARGETS as TARGETS
from ._targets import Target as Target
from ._targets import UnknownTargetError as UnknownTargetError
from ._targets import debian_packages as debian_packages
from ._targets import target as target
