from .break_page import break_report as break_report
from .document import report as report
