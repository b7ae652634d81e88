"""Everything about many cells: plan, workers, cluster, and what a run leaves on disk."""

from typing import TYPE_CHECKING, Any

from xgrad.running.cells import describe_failure, gather_cases, make_judge, map_cells, run
from xgrad.running.cells import rows_here, run_cells, workers_can_load, workers_for
from xgrad.running.census import CENSUSES, CENSUS_COLUMNS, CENSUS_DTYPES, make_census, run_census
from xgrad.running.cluster import Cluster
from xgrad.running.costs import Costs, Estimate
from xgrad.running.curves import CURVES, CURVE_COLUMNS, PRECISIONS, StepCurve, curves_of, has_curve
from xgrad.running.curves import step_curve
from xgrad.running.description import EMPTY, read_cases, write_cases
from xgrad.running.environment import describe_machine, find_devices, find_version, look_at
from xgrad.running.extras import find_extras
from xgrad.running.merging import merge
from xgrad.running.options import Dtypes, dtype_names, names_in, require_kind, split_names, worded
from xgrad.running.planning import Cell, DEVICE, DEVICES, Gathered, Plan, Row, Selection, make_plan
from xgrad.running.planning import matches, methods_at, operators_at, part_of
from xgrad.running.remote import RemoteFolder, fetched, is_url
from xgrad.running.reproduction import PROGRAM_PLACE
from xgrad.running.storage import ENVIRONMENT, RunFolder, new_folder, read_environment
from xgrad.running.storage import write_text
from xgrad.running.unread import results_at_hand, rows_of
from xgrad.running.watching import followed
from xgrad.running.workers import Ended, Limits, Step, case_of, environment_with

if TYPE_CHECKING:
    from xgrad.running.results import Results


def __getattr__(name: str) -> Any:
    """The frame, for pandas is loaded at first use."""
    if name != "Results":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from xgrad.running.results import Results

    return Results
