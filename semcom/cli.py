"""The command ``semcom``: its commands stand in :mod:`semcom.commands`, the only place that prints.

A user's mistake becomes one line on standard error and exit code 2. ``SEMCOM_DEBUG=1`` shows where
an error comes from.
"""

from __future__ import annotations

import os
import sys

import typer

from semcom.commands.check import check, schema
from semcom.commands.curves import curves
from semcom.commands.drive import drive
from semcom.commands.link import link
from semcom.commands.lists import channels, codecs, version
from semcom.commands.merge import merge
from semcom.commands.photo import decode, encode
from semcom.commands.plot import plot
from semcom.commands.replay import replay
from semcom.commands.report import report
from semcom.commands.run import run
from semcom.commands.show import show
from semcom.commands.street import street
from semcom.commands.table import table
from semcom.commands.terminal import complain, sentence
from semcom.commands.train import train
from semcom.plugins import load_plugins

__all__ = ["app", "main"]

app = typer.Typer(
    name="semcom",
    help="Semantic image communication over real digital links.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(no_args_is_help=True, help="Make data sets.")

app.callback()(load_plugins)
app.command()(run)
app.command()(merge)
app.command()(plot)
app.command()(show)
app.command()(report)
app.command()(replay)
app.command()(link)
app.command()(table)
app.command()(check)
app.command()(schema)
app.command()(encode)
app.command()(decode)
app.command()(train)
app.command()(curves)
app.command()(codecs)
app.command()(channels)
app.command()(version)
app.add_typer(data_app, name="data")
data_app.command()(street)
data_app.command()(drive)


def main() -> None:
    """Entry point of the console command."""
    sys.exit(_guarded(app))


def _guarded(application: typer.Typer) -> int:
    debug = os.environ.get("SEMCOM_DEBUG") == "1"
    try:
        return application(standalone_mode=False) or 0
    except KeyboardInterrupt:
        complain("stopped")
        return 130
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Abort:
        complain("stopped")
        return 130
    except (ValueError, OSError, ImportError) as error:
        if debug:
            raise
        complain(sentence(error))
        return 2
    except Exception as error:
        if debug or not hasattr(error, "format_message"):
            raise
        complain(f"{error.format_message()} (`semcom --help` lists what can be asked)")
        return 2


if __name__ == "__main__":
    main()
