"""Capacity planning documented: figures with date and owner, and what is seen bears them out.

>>> CHECK.shows()
{'documented': 'PASS', 'rps': 'PASS', 'headroom': 'PASS', 'db_size': 'PASS', 'storage': 'PASS', \
'bandwidth': 'PASS'}
>>> CHECK.shows(plan.without_figures(plan.PLAN))
{'documented': 'FAIL', 'rps': 'UNKNOWN', 'headroom': 'UNKNOWN', 'db_size': 'WARN', \
'storage': 'FAIL', 'bandwidth': 'FAIL'}
>>> CHECK.shows(rate.gives_way(rate.STEPS))["headroom"]
'FAIL'
>>> CHECK.shows(database.growing(database.GROWTH))["db_size"]
'FAIL'
"""

from readiness_kit.checks.database.backup_strategy import FOLDER, SERVER
from readiness_kit.checks.infrastructure.storage import VOLUMES
from readiness_kit.checks.pre_deployment.capacity_plan import database, link, plan, rate, volumes
from readiness_kit.verdict import Check

CHECK = Check(
    (plan.documented, rate.rps, rate.headroom, database.db_size, volumes.storage, link.bandwidth),
    remedy="Write capacity.yaml: date, owner, requests_per_second, database {size, projected, "
    "projected_for}, storage {data, wal_per_day, wal_days_kept, backup, backups_kept}, bandwidth "
    "{bytes_per_answer, link}; name it as capacity, and go through it every quarter.",
    references=(
        "Beyer et al., Site Reliability Engineering (2016), chapter 18, capacity planning",
        "Sen, Estimates of the regression coefficient based on Kendall's tau (1968)",
        "Gunther, Guerrilla Capacity Planning (2007)",
    ),
    good=(plan.PLAN, rate.PEAK, rate.STEPS, database.GROWTH, VOLUMES, SERVER, FOLDER, link.SIZES),
    worsen=(*plan.WORSEN, *rate.WORSEN, *database.WORSEN, *volumes.WORSEN, *link.WORSEN),
    thresholds={
        "documented": "all figures; 90 days, 365 at most (default)",
        "rps": "the highest rate over five minutes that is remembered",
        "headroom": "twice the planned rate, the checklist's; 95 % interval of the capacity",
        "db_size": "80 % of the disk, 180 days, 25 % off the trend (default); 90 % interval",
        "storage": "70 % and 85 % of what is free or held already (default)",
        "bandwidth": "50 % and 80 % of the declared link (default)",
    },
)
