"""The `switchboard` command: one small module a command under `local/commands/`."""

from __future__ import annotations

import sys

import typer

from local.commands import (
    accounts,
    console,
    conversations,
    customers,
    demo,
    dlq,
    doctor,
    logs,
    schema,
    simulate,
    status,
    token,
    topics,
    up,
    verify,
    work,
)
from local.errors import StackError

app = typer.Typer(
    name="switchboard",
    help="An event-driven contact center on this machine: start it, drive it, prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(up.up)
app.command("down")(up.down)
app.command("status")(status.status)
app.command("logs")(logs.logs)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("verify")(verify.verify)
app.command("migrate")(schema.migrate)
app.command("token")(token.token)
app.command("simulate")(simulate.simulate)
app.command("staffing")(simulate.staffing)
app.add_typer(topics.app, name="topics")
app.add_typer(dlq.app, name="dlq")
app.add_typer(accounts.app, name="accounts")
app.add_typer(conversations.app, name="conversations")
app.add_typer(customers.app, name="customers")
app.add_typer(work.app, name="work")


def main() -> None:
    """Run the command; what can't be done ends in one sentence and exit status 1."""
    try:
        app()
    except StackError as error:
        console.error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
