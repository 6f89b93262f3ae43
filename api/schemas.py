"""What all that the HTTP interface says and takes has in common; the rest is one module a subject, `schemas_*.py`.

Promises, of them all: one pydantic model a thing; snake_case JSON, times as ISO 8601 in UTC, geometry 0…1 of the
picture, every text for a person in Chinese and English. Not here: where the values come from (`views.py`), which route
gives which (`routes/`).
"""

from pydantic import BaseModel, ConfigDict, Field

from configs.site import Name


class Schema(BaseModel):
    """Unknown keys in what a client sends are errors."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """A problem as RFC 9457 has it (`application/problem+json`); `titles` says it in both languages."""

    type: str = Field(description="a stable name of the problem, like /problems/stale-incident")
    title: str
    titles: Name
    status: int
    detail: str | None = None
    errors: list[str] | None = Field(default=None, description="each mistake in the request, when there are several")


class Text(BaseModel):
    """One sentence in both languages."""

    zh: str
    en: str
