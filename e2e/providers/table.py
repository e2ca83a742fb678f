"""Write what the tests prove about each identity provider into the documentation.

    python -m e2e.providers.table

The table stands between two comments in `docs/providers/index.md`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e2e.providers import traits

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.providers.traits import Traits

PAGE = Path(__file__).parents[2] / "docs" / "providers" / "index.md"
BEGIN = "<!-- The tests write this table: python -m e2e.providers.table -->\n"
END = "<!-- End of the table. -->\n"


def yes(value: object) -> str:
    return "yes" if value else "no"


def typ(each: Traits) -> str:
    if not each.logout_token:
        return ""
    return f"`{each.logout_token.typ}`" if each.logout_token.typ else "none"


def names(each: Traits) -> str:
    if not each.logout_token:
        return ""
    return ", ".join(f"`{name}`" for name in sorted(each.logout_token.names))


ROWS: dict[str, Callable[[Traits], str]] = {
    "Sign-out with the hint redirects back, and the next sign-in asks for the password": lambda _: (
        "yes"
    ),
    "The same with an expired ID Token": lambda _: "yes",
    "The same after the provider's session has ended": lambda each: (
        "yes" if each.back_without_a_session else "ends on its page"
    ),
    "If it is stopped, killed or restarted during a sign-out, nobody stays signed in": lambda _: (
        "yes"
    ),
    "Asks for confirmation": lambda each: yes(each.asks),
    "`sid` in the ID Token": lambda each: yes(each.sid),
    "`aud` of the ID Token": lambda each: "a list" if each.audiences else "a string",
    "Back-channel": lambda each: yes(each.logout_token),
    "... ends one session, by its `sid`": lambda each: (
        yes("sid" in each.logout_token.names) if each.logout_token else ""
    ),
    "... ends all sessions of a person, by the `sub` alone": lambda each: (
        yes(each.tells_by_sub) if each.logout_token else ""
    ),
    "... its tokens contain": names,
    "... their `typ`": typ,
    "... they contain an `exp`": lambda each: (
        yes(each.logout_token.exp) if each.logout_token else ""
    ),
    "Front-channel": lambda each: yes(each.front_channel),
}


def table() -> str:
    head = ["", *(f"[{each.name}]({each.page}.md)" for each in traits.ALL)]
    rows = [[label, *(cell(each) for each in traits.ALL)] for label, cell in ROWS.items()]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  ", "| ") for cells in lines)


def with_table(page: str) -> str:
    """Return a page with the current table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
