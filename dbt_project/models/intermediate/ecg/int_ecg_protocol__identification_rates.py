"""How well runs find their person again: the logic lies in orchestration/lib/identity.py."""

from orchestration.lib.sources.ecg.identification import rate_protocols


def model(dbt, session):
    dbt.config(materialized="table")
    return rate_protocols(dbt.ref("int_ecg_run__identified").to_arrow_table())
