"""Fixtures of the device tests: installed targets, one binary of each harness."""

import pytest
from device_jobs import as_params

from drypoint import devices


@pytest.fixture(scope="session", params=as_params(devices.TARGETS))
def target(request, toolbox):
    """Each row of the table whose tools are installed."""
    for tool in devices.needed_tools(request.param):
        toolbox.need(tool)
    return request.param
