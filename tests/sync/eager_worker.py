"""What the Dask workers of the tests load first: they commit and report after a few records."""

from auditctl.sync import cluster
from auditctl.sync.delta import destination

destination.MAX_RECORDS = 40
cluster.REPORTED = 0.0
