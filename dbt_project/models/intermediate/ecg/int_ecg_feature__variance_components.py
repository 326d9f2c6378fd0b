"""Variance of the features within people and between them: the logic lies in orchestration/lib/variability.py."""

from orchestration.lib.sources.ecg.variability import vary_features


def model(dbt, session):
    dbt.config(materialized="table")
    runs, counted = dbt.ref("int_ecg_run__header_with_signal"), dbt.ref("int_ecg_run__usable")
    return vary_features(runs.join(counted, "run_key", how="semi").to_arrow_table())
