"""Commands `nst serve`, `nst worker` and `nst migrate`."""

import errno
import logging
import os
import signal
import socket
import time
import webbrowser
from contextlib import suppress
from functools import partial
from importlib.util import find_spec

import click

from nst import bootstrap
from nst.cli.command import Command, WholeNumberBetween, examples, usage_error
from nst.cli.errors import debug_option
from nst.errors import DependencyError, InvalidOption

PORTS_TRIED = 100
"""Number of ports to try after one that is in use."""

RETRY_SECONDS = 5.0
"""Seconds between two attempts of a migration."""

logger = logging.getLogger(__name__)


@click.command(
    cls=Command,
    epilog=examples(
        "nst serve --open",
        "nst serve --host 0.0.0.0 --port 9000",
        "nst serve --workers 0",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=WholeNumberBetween(0, 65535),
    default=8000,
    show_default=True,
    help="Port; 0: any.",
)
@click.option(
    "--workers",
    type=WholeNumberBetween(0, 64),
    default=1,
    show_default=True,
    help="Number of jobs painted at a time; 0 leaves painting to `nst worker`.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@debug_option
def serve(host: str, port: int, workers: int, open_browser: bool) -> None:
    """Start the web page, the HTTP API and workers in one command."""
    check_extra()
    _check_system()
    bootstrap.set_up_logs()
    _check_address(host, port)
    if workers:
        bootstrap.check_device()
    bootstrap.prepare_database()
    from nst.cli.web_server import WebServer

    WebServer(host, port, workers, on_ready=partial(_announce, open_browser=open_browser)).run()


def _announce(address: str, *, open_browser: bool) -> None:
    """Print the address of the page, or log the address if the logs are JSON."""
    page = address + bootstrap.settings().web.base_path
    if bootstrap.settings().logs.log_format == "json":
        logger.info("nst serves %s", address)
    else:
        click.echo(f"Open {page} – Ctrl-C stops")
    if open_browser:
        webbrowser.open(page)


@click.command()
@debug_option
def worker() -> None:
    """Paint the jobs of a service that runs elsewhere."""
    check_extra()
    bootstrap.set_up_logs()
    bootstrap.check_device()
    bootstrap.set_up_traces("nst-worker")
    bootstrap.serve_metrics()
    with bootstrap.ports() as ports:
        made = bootstrap.worker(ports)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: made.stop())
        made.run()


@click.command()
@click.option("--to", "revision", default="head", show_default=True, help="Revision of the tables.")
@click.option(
    "--wait-seconds",
    type=WholeNumberBetween(0, 3600),
    default=0,
    show_default=True,
    help="Retry for this long if the database or Kafka does not answer.",
)
@debug_option
def migrate(revision: str, wait_seconds: int) -> None:
    """Create the tables and the topics, or bring the tables up to date."""
    check_extra()
    gives_up_at = time.monotonic() + wait_seconds
    while True:
        try:
            location = bootstrap.migrate(revision)
        except DependencyError as error:
            if time.monotonic() >= gives_up_at:
                raise
            click.echo(f"Not migrated yet: {error}", err=True)
            time.sleep(RETRY_SECONDS)
        else:
            click.echo(f"{location} is at {revision}")
            return


def _check_system() -> None:
    """Raise UsageError on Windows."""
    if not find_spec("fcntl"):
        problem = "the web server needs Unix; on Windows start it in WSL or in Docker"
        raise usage_error(problem)


def _check_address(host: str, port: int) -> None:
    """Raise InvalidOption if the server cannot listen on this address.

    Gunicorn would try for seconds and report the failure in many lines.
    """
    try:
        _listen(host, port)
    except socket.gaierror as error:
        raise InvalidOption(
            "host", host, f"an address of this machine ({error.strerror})"
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        allowed = f"another one ({reason})"
        if error.errno == errno.EADDRINUSE:
            allowed = f"a port that is not in use; {_next_free_port(host, port)}"
        raise InvalidOption("port", port, allowed) from error


def _next_free_port(host: str, port: int) -> str:
    for other in range(port + 1, min(port + PORTS_TRIED, 65535) + 1):
        with suppress(OSError):
            _listen(host, other)
            return f"the next free one is {other}"
    return "0 takes any free one"


def _listen(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def check_extra() -> None:
    """Raise UsageError if the extra `service` is not installed."""
    if not all(map(find_spec, ("apiflask", "gunicorn", "sqlalchemy", "obstore", "structlog"))):
        problem = "the service is not installed; run pip install 'nst[service]'"
        raise usage_error(problem)
