"""Compute the variance of each feature within and between people, with dbt_project/python/ecg_variability.py."""

from ecg_variability import vary_features


def model(dbt, session):
    dbt.config(materialized="table")
    runs, usable_runs = dbt.ref("int_ecg_run__header_with_signal"), dbt.ref("int_ecg_run__usable")
    return vary_features(runs.join(usable_runs, "run_key", how="semi").to_arrow_table())
