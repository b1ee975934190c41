"""`nst serve`, `nst worker`, `nst migrate`."""

import os
import signal
import socket
import webbrowser
from importlib.util import find_spec

import click

from nst import bootstrap
from nst.cli.errors import debug_option
from nst.errors import InvalidOption


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any."
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Jobs that are painted at a time; 0 where others do that (`nst worker`).",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@debug_option
def serve(host: str, port: int, workers: int, open_browser: bool) -> None:
    """The web page, the HTTP API and workers, in one command."""
    check_extra()
    bootstrap.set_up_logs()
    _check_address(host, port)
    if workers:
        bootstrap.check_device()
    bootstrap.prepare_database()
    from nst.cli.web_server import WebServer

    WebServer(host, port, workers, on_ready=webbrowser.open if open_browser else None).run()


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
@click.option("--to", "revision", default="head", show_default=True, help="Revision; base: none.")
@debug_option
def migrate(revision: str) -> None:
    """Make the tables of the database, or bring them up to date."""
    check_extra()
    click.echo(f"{bootstrap.migrate(revision)} is at {revision}")


def _check_address(host: str, port: int) -> None:
    """gunicorn would try for seconds and say it in many lines."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except socket.gaierror as error:
        raise InvalidOption(
            "host", host, f"an address of this machine ({error.strerror})"
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise InvalidOption("port", port, f"another one ({reason})") from error


def check_extra() -> None:
    """Raises InvalidOption if the service is not installed."""
    if not all(map(find_spec, ("apiflask", "gunicorn", "sqlalchemy", "obstore", "structlog"))):
        raise InvalidOption(
            "serve", "this installation", "one with the service: pip install 'nst[service]'"
        )
