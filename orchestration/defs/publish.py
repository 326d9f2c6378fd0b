"""Define the last asset: the marts, without personal data, in the file that readers open."""

import dagster as dg

from orchestration.defs.dbt import MANIFEST_PATH
from orchestration.defs.raw_assets import WAREHOUSE_POOL, user_errors_as_failures
from orchestration.lib.core.home import Home
from orchestration.lib.modelling import test_results
from orchestration.lib.modelling.manifest import publishable, read_manifest
from orchestration.lib.publish import publish
from orchestration.lib.publish.relations import PublishRefused
from orchestration.lib.sources import MEASUREMENTS
from orchestration.lib.warehouse.connection import Warehouse

MARTS = [dg.AssetKey(name.split(".")) for name in publishable(read_manifest(MANIFEST_PATH))]


@dg.asset(key="published", group_name="publish", deps=MARTS, pool=WAREHOUSE_POOL, kinds={"duckdb"})
def published(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], home: dg.ResourceParam[Home]
) -> dg.MaterializeResult[None]:
    """Publish the marts in `published.duckdb`, which is replaced at once: neither readers nor builds wait.

    A source whose tests failed when they last ran stays as it was published.
    """
    # The job of one source has built and tested that source only: the tests of the others may be out of date.
    requested = {context.run.job_name} & set(MEASUREMENTS) or set(MEASUREMENTS)
    with user_errors_as_failures(context):
        failed = test_results.failed(home.checks_path, read_manifest(MANIFEST_PATH))
        skipped = sorted(requested & failed.keys())
        for source in skipped:
            context.log.warning(f"{source} stays as published: {', '.join(failed[source])} failed when last run")
        if len(skipped) == len(requested):
            names = ", ".join(sorted({name for source in skipped for name in failed[source]}))
            raise PublishRefused(f"publish refused: {names} failed when last run. Mend that and build again")
        report = publish.publish(warehouse, home.published_path, MANIFEST_PATH, requested - failed.keys())
    if report.withheld:
        context.log.warning(f"{', '.join(report.withheld)}: withheld (published empty) until their source builds")
    return dg.MaterializeResult(metadata={**report.as_metadata(), "left as published": ", ".join(skipped) or "none"})


assets = [published]
