"""Every fault that a run must survive, driven by one table.

No wrong PASS, no hang past the deadline, no torn file, and the run can be resumed; a drill that was
cut short is undone first.
"""

import typing
from collections import Counter

import pytest
from faults import cut_short, interrupted, kernels, on_target
from faults.fault import Kind

TABLE = (*cut_short.FAULTS, *on_target.FAULTS, *interrupted.FAULTS, *kernels.FAULTS)

# What a kernel or a loop of nbclient leaves open when it is killed is no concern of ours.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.mark.parametrize("fault", TABLE, ids=str)
def test_it_is_survived(fault, stage):
    fault.strike(stage)


def test_the_table_has_every_kind_of_fault_and_no_name_twice():
    assert len(TABLE) >= 200
    assert {fault.kind for fault in TABLE} == set(typing.get_args(Kind))
    assert [name for name, n in Counter(map(str, TABLE)).items() if n > 1] == []


@pytest.mark.parametrize("name", cut_short.WORLDS)
def test_the_table_has_every_step(stage, name):
    cut_short.demand_counted(stage, name)
