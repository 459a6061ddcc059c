"""``report.html``: the results of a run as one page that needs nothing but a browser.

Curves with their intervals, the bit budget, what each receiver saw at every Es/N0, and where the
numbers come from. Style, program, numbers and pictures are inside the file; it loads nothing.
"""

from semcom.report.page import write_report

__all__ = ["write_report"]
