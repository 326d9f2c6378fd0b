"""Runs asked who they are: the logic lies in orchestration/lib/identity.py."""

from orchestration.lib.sources.ecg.identification import match_runs


def model(dbt, session):
    dbt.config(materialized="table")
    return match_runs(dbt.ref("int_ecg_run__with_template").to_arrow_table())
