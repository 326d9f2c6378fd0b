"""dbt: its command, its manifest and the results of its tests."""
