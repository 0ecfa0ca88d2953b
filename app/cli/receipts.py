"""Commands for consent receipts: receipt verify."""

import json
import sys
from pathlib import Path

import click

_MARKS = {True: "ok     ", False: "WRONG  ", None: "-      "}
_VERDICTS = {
    "verified": "VERIFIED: this receipt is what the holder of your key signed, and its event is in a signed seal.",
    "not_sealed": "NOT SEALED YET: the receipt is signed, but its event is not in a seal. Get a new one later.",
    "refused": "REFUSED: do not rely on this receipt.",
}


@click.group()
def receipt() -> None:
    """Consent receipts."""


@receipt.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--key", help="A public key: 64 hex characters, or a file with it.")
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with what /ledger/keys.json returns.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(file: Path, key: str | None, keys: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags like this
    """Check a consent receipt offline, with public keys alone. Exits with 1 when it does not verify.

    The keys have to come from you: save /ledger/keys.json when you get a receipt. The key that a receipt names is never
    trusted, because a forged receipt names the forger's.
    """
    from app.core.proof import receipt_check

    if (key is None) == (keys is None):
        raise click.UsageError("Give the public keys that you trust, with either --keys FILE or --key FILE|HEX.")
    with file.open("rb") as opened:
        content = opened.read(receipt_check.RECEIPT_BYTES_MAX)
    result = receipt_check.check(content, receipt_check.read_keys(_text_of(keys, key or "")))
    if as_json:
        checks = [vars(each) for each in result.checks]
        click.echo(json.dumps({"verdict": result.verdict, "checks": checks}, ensure_ascii=False, indent=2))
    else:
        for each in result.checks:
            click.echo(f"{_MARKS[each.passed]}{each.words}")
        click.echo(_VERDICTS[result.verdict])
    if result.verdict != receipt_check.Verdict.VERIFIED:
        sys.exit(1)


def _text_of(keys: Path | None, key: str) -> str:
    """The text of the file with keys; a key that names no file is the key itself."""
    path = keys or Path(key)
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else key
    except OSError:
        return key


COMMANDS = (receipt,)
