"""The table of steps that people read is the one that holds."""

from pathlib import Path

from alerts.states import IncidentState
from alerts.transitions import TRANSITIONS
from configs.words import Role

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "incidents.md"
DESK, FIELD = {Role.ADMINISTRATOR, Role.OPERATOR}, {Role.GRID_WORKER, Role.ENFORCEMENT_OFFICER}


def rows() -> list[str]:
    """Each step as a row: from where, to where, who, what it needs."""
    found = []
    for action, step in TRANSITIONS.items():
        sources = ", ".join(s.value for s in IncidentState if s in step.sources)
        target = step.target.value if step.target else "by whoever is furthest" if step.by_people else "as it was"
        who = [name for name, roles in (("desk", DESK), ("field", FIELD)) if roles <= step.roles]
        who += ["the clock"] if step.by_system else []
        needs = ["to have been sent (field)"] if step.assigned and step.roles >= FIELD else []
        needs += ["a sentence"] if step.needs_note else []
        needs += ["a photo, where the kind says so"] if step.needs_photo else []
        found.append(f"| `{action.value}` | {sources} | {target} | {', '.join(who)} | {'; '.join(needs)} |")
    return found


def test_the_documents_table_of_steps_is_that_of_the_code() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    written = [line for line in text.splitlines() if line.startswith("| `")]
    assert [line for line in written if line in rows()] == rows()
