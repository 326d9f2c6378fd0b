"""Define the dbt project's assets: each model is an asset, each test an asset check."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject, dbt_assets
from packaging.version import Version
from pydantic import Field

from orchestration.defs.raw_assets import WAREHOUSE_POOL, user_errors_as_failures
from orchestration.lib.core import progress
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling import dbt_cli as dbt
from orchestration.lib.modelling import expectations, test_results
from orchestration.lib.modelling.dbt_results import DbtResults
from orchestration.lib.modelling.manifest import relation_name, table_names
from orchestration.lib.publish import publish
from orchestration.lib.sources import MEASUREMENTS
from orchestration.lib.sources.ecg.signal_parquet import prepare
from orchestration.lib.warehouse.connection import LOCK_TIMEOUT_SECONDS, Warehouse
from orchestration.lib.warehouse.row_counts import count_rows

MANIFEST_PATH = dbt.ensure_manifest(Home.from_environment())
PROJECT = DbtProject(dbt.PROJECT_PATH)


class DbtConfig(dg.Config):
    """Options of a dbt build."""

    full_refresh: bool = Field(default=False, description="Build incremental models from all rows, not only new ones.")


class Translator(DagsterDbtTranslator):
    """Puts a model into the group of its source, which its tag names, and models of all sources into the catalog."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the source of a model, or `catalog`."""
        tags = dbt_resource_props["tags"]
        return next((measurement for measurement in MEASUREMENTS if measurement in tags), "catalog")

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """Let a test of a raw table block no transform that reads it: dbt would run twice, before and after.

        dbt itself decides which models a failed test blocks.
        """
        check = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        is_of_source = asset_spec.metadata.get("dagster_dbt/unique_id", "").startswith("source.")
        return check._replace(blocking=False) if check and is_of_source else check


@dbt_assets(
    name="dbt",
    manifest=MANIFEST_PATH,
    project=PROJECT,
    pool=WAREHOUSE_POOL,
    retry_policy=dg.RetryPolicy(max_retries=expectations.RETRY_COUNT, delay=expectations.RETRY_DELAY_SECONDS),
    dagster_dbt_translator=Translator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True)),
)
def dbt_models(
    context: dg.AssetExecutionContext,
    config: DbtConfig,
    dbt_cli: DbtCliResource,
    home: dg.ResourceParam[Home],
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
) -> Iterator[Any]:
    """Build the selected models and test them in dbt's order: a failed test leaves downstream models as they were."""
    # dbt's unit tests test the code, not the data: they run in the project's own tests.
    # The results come from dbt's log: to write them, the manifest and the graph to files takes 1.4 processor seconds.
    arguments = ["build", "--no-write-json", "--exclude-resource-type", "unit_test"]
    if config.full_refresh:
        arguments.append("--full-refresh")
    folder, results = dbt.run_folder(home), DbtResults()
    # dbt waits for the warehouse as long as every other step does, not as briefly as a command in a terminal.
    os.environ.setdefault("VITALHOUSE_LOCK_WAIT_SECONDS", str(LOCK_TIMEOUT_SECONDS))
    # The matrices of its Python models are small: a second thread for them mostly waits (on a busy machine of two cores
    # 6.5 s of processor time in place of 0.1).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with user_errors_as_failures(context):
        ensure_inputs_exist(lake, warehouse)
        invocation = dbt_cli.cli(arguments, context=context, target_path=folder, raise_on_error=False)
        events: list[Any] = []
        with dbt.terminate_on_exit(invocation.process), progress.task("Building models and tests") as task:
            for event in invocation.stream_raw_events():
                results.add(event.raw_event, task)
                events += event.to_default_asset_events(
                    invocation.manifest, invocation.dagster_dbt_translator, invocation.context, folder, PROJECT
                )
        # DuckDB lets only one process write: rows can be counted when dbt has ended.
        row_counts = count_rows(warehouse, table_names(invocation.manifest))
    test_results.record(results, home.checks_path, invocation.manifest)
    yield from (with_row_count(event, invocation.manifest, row_counts) for event in events)
    if not invocation.is_successful():
        broken = expectations.broken(results, folder, invocation.manifest, warehouse)
        problems = [*(results.failures() or [str(invocation.get_error())]), *broken]
        problems += withhold_gated(warehouse, home)
        # A clinic's expectation may hold when more of its data has been loaded; any other failure would repeat.
        if broken:
            expectations.announce_retry(context.retry_number)
        raise dg.Failure(
            "\n".join(problems),
            metadata={"problems": dg.JsonMetadataValue(problems)},
            allow_retries=bool(broken),
        )


def withhold_gated(warehouse: Warehouse, home: Home) -> list[str]:
    """Empty gated tables in the published file after a failed build, where a consent may be withdrawn; say so."""
    try:
        names = publish.withhold_gated(warehouse, home.published_path, MANIFEST_PATH)
    except VitalhouseError as error:
        return [str(error)]
    if not names:
        return []
    builds = " and ".join(sorted({f"vitalhouse build --measurement {name.split('.')[0]}" for name in names}))
    reason = "since a new delivery may withdraw a consent"
    return [f"{', '.join(names)}: withheld (published empty) {reason}, until {builds} ends well"]


def ensure_inputs_exist(lake: Lake, warehouse: Warehouse) -> None:
    """Create the missing tables that models read, without rows: without deliveries, no raw asset has run."""
    prepare(lake)
    with warehouse.write():
        pass


def with_row_count(event: Any, manifest: Mapping[str, Any], row_counts: Mapping[str, int]) -> Any:
    """Add the row count to the event of a model; return any other event unchanged."""
    if not isinstance(event, dg.Output):
        return event
    relation = relation_name(manifest["nodes"][event.metadata["unique_id"].value])
    if relation not in row_counts:
        return event
    return event.with_metadata({**event.metadata, "dagster/row_count": row_counts[relation]})


class DbtCommand(DbtCliResource):
    """dagster-dbt's dbt without two steps that cost three seconds a build and that we do not need.

    dagster-dbt starts dbt once more to read its version, and opens an adapter to count rows. (These are private
    methods; dagster-dbt is pinned exactly, and without them a build only takes longer.)
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None


assets = [dbt_models]
# A validator of the field accepts a DbtProject; its type does not say so.
resource = DbtCommand(project_dir=PROJECT, dbt_executable=dbt.executable())  # type: ignore[arg-type]
