"""What the interface says and takes of visitors' questions and their answers.

Promises: as `schemas.py`. Not here: how fast they were answered (`schemas_figures.py`), routes (`routes/questions.py`).
"""

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas import Schema, Text
from api.schemas_dispatch import Person
from configs.site import Name


class QuestionWish(Schema):
    """A visitor's question."""

    text: str = Field(min_length=1, max_length=1000)
    contact: str | None = Field(default=None, max_length=64)


class QuestionTaken(BaseModel):
    """A question was taken; `code` is shown this once. `suggestion`: a canned answer that may be all that is needed."""

    code: str
    target_seconds: int
    suggestion: Text | None


class QuestionProgress(BaseModel):
    """How a question stands."""

    text: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


class QuestionSeen(BaseModel):
    """A question in the inbox. `suggestion` is the id of a canned answer."""

    id: str
    text: str
    contact: str | None
    source: str
    asked_at: datetime
    due_at: datetime
    overdue: bool
    assignee: Person | None
    answer: str | None
    answered_at: datetime | None
    suggestion: str | None


class CannedSeen(BaseModel):
    """An answer to a common question."""

    id: str
    name: Name
    text: Text


class AnswerWish(Schema):
    """An answer; `canned_id` when it was one of those."""

    text: str = Field(min_length=1, max_length=2000)
    canned_id: str | None = Field(default=None, max_length=48)


class AssignWish(Schema):
    """Whom to make answer."""

    user_id: str = Field(max_length=32)
