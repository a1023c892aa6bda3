"""Workers of a Dask cluster, for those who have installed it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager

LOCAL = "local"
_PATIENCE = 10  # seconds for a scheduler to answer


class ClusterError(RuntimeError):
    """A cluster cannot be used."""


@contextmanager
def executor_of(address: str | None, workers: int) -> Iterator[Executor | None]:
    """Connect to a cluster, say where its dashboard is, and leave it in the end.

    Parameters
    ----------
    address : str or None
        Of the scheduler, such as ``tcp://127.0.0.1:8786``; or ``local`` to start a cluster on this machine that
        nobody else can reach: all its ports are bound to the loopback interface. None is no cluster.
    workers : int
        Processes of a local cluster.

    Yields
    ------
    concurrent.futures.Executor or None

    Raises
    ------
    ClusterError
        If Dask is not installed, or nobody answers at the address.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ClusterError("--dask needs Dask: pip install 'loopbound[dask]'") from error
    with ExitStack() as stack:
        try:
            if address == LOCAL:
                ports = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
                local = LocalCluster(n_workers=workers, threads_per_worker=1, worker_dashboard_address=None, **ports)
                client = stack.enter_context(Client(stack.enter_context(local)))
            else:
                client = stack.enter_context(Client(address, timeout=_PATIENCE))
        except (OSError, ValueError) as error:  # nobody there, or no address
            raise ClusterError(f"--dask {address}: {error}") from error
        print(f"dashboard: {client.dashboard_link}", flush=True)
        yield client.get_executor()
