"""Compute the identification rates of each protocol, with dbt_project/python/ecg_identification.py."""

from ecg_identification import rate_protocols


def model(dbt, session):
    dbt.config(materialized="table")
    return rate_protocols(dbt.ref("int_ecg_run__identified").to_arrow_table())
