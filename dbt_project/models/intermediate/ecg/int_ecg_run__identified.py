"""Match each run with the people of its clinic, with dbt_project/python/ecg_identification.py."""

from ecg_identification import match_runs


def model(dbt, session):
    dbt.config(materialized="table")
    return match_runs(dbt.ref("int_ecg_run__with_template").to_arrow_table())
