"""The report of a model: what it is, how it was trained, what it is worth, costs, and was proven.

    found = report.make_report(model, test, calibration=train.x[:2000], targets=["cortex-m4"])
    print(found)               # a screen of text
    found.save("report.html")  # one file: no network, no script
    found.to_json()            # the same facts as JSON types

The page needs the extra ``report`` (Jinja2 and matplotlib); text and JSON do not.
"""

from ._compare import FigureChange as FigureChange
from ._compare import ReportComparison as ReportComparison
from ._compare import compare_reports as compare_reports
from ._gather import make_report as make_report
from ._report import SCHEMA as SCHEMA
from ._report import Report as Report
from ._report import ReportError as ReportError
from ._training import check_training as check_training
