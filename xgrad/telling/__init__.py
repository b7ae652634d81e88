"""What a terminal or a notebook shows: tables, messages, explanations, step curves, lists."""

from xgrad.telling.asked import explain_named, explain_row
from xgrad.telling.bar import foretold, progress
from xgrad.telling.explanation import Explanation, explain, explanation_text
from xgrad.telling.guide import guide_page, guide_text, guide_topics
from xgrad.telling.lists import case_text, list_text
from xgrad.telling.notebook import results_html
from xgrad.telling.notebook_bar import notebook_progress
from xgrad.telling.operations import OUTCOMES, Asked, by_operation, operations_table, outcome_of
from xgrad.telling.report import EVIDENCE, LEGEND, WIDTH, failure_text, failures
from xgrad.telling.report import grouped_failures, label_of, matrices, method_of, reproduction
from xgrad.telling.report import summarise, title
from xgrad.telling.results import failures_told, results_matrix, results_picture, results_text
from xgrad.telling.stepcurve import save_picture
from xgrad.telling.timings import TIMING_LEGEND, changes_table, factor, interval, ladder_table
from xgrad.telling.timings import (
    memory,
    quantity,
    summarise_changes,
    summarise_timings,
    timing_tables,
)
