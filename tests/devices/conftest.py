"""What the tests of devices share: the targets whose tools are here, one binary of each harness."""

import pytest

from drypoint import devices


@pytest.fixture(scope="session", params=devices.TARGETS, ids=lambda row: row.name)
def target(request, toolbox):
    """Each row of the table whose tools are installed."""
    for tool in devices.needed_tools(request.param):
        toolbox.need(tool)
    return request.param
