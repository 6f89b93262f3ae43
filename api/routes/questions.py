"""Visitors' questions: asked without a login, answered from an inbox. The rules are in `alerts/questions.py`."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session

from alerts import questions
from alerts.questions import QuestionError
from api import handling as views
from api import schemas_questions as shapes
from api.access import StaffCaller, allow, write_audit
from api.context import Context, InContext
from api.identity import Caller
from api.problems import ProblemError
from api.schemas import Text
from api.schemas_dispatch import Person
from api.schemas_figures import QuestionFigures
from configs.words import Role
from models.base import utc_now
from models.citizens import Question

router = APIRouter(prefix="/api", tags=["questions"])

AnsweringCaller = Annotated[Caller, allow(Role.ADMINISTRATOR, Role.OPERATOR, Role.GRID_WORKER)]


@router.post("/questions", operation_id="ask_question", status_code=201)
def ask_question(wish: shapes.QuestionWish, context: InContext, request: Request) -> shapes.QuestionTaken:
    """Takes a question. Open to everybody."""
    context.governance.brake(request, None)
    rules = context.governance.village.questions
    try:
        with context.database.session() as session:
            code, _ = questions.ask(session, wish.text, wish.contact, "web", rules)
    except QuestionError as error:
        raise ProblemError("bad-request", f"{error.zh} / {error.en}") from None
    canned = questions.suggest(wish.text, rules)
    return shapes.QuestionTaken(
        code=code,
        target_seconds=rules.target_seconds,
        suggestion=Text(zh=canned.text.zh, en=canned.text.en) if canned else None,
    )


@router.get("/questions/by-code/{code}", operation_id="get_my_question")
def get_my_question(code: str, context: InContext, request: Request) -> shapes.QuestionProgress:
    """How one's question stands, for whoever holds its code."""
    context.governance.brake_looking(request)
    try:
        with context.database.reading() as session:
            row = questions.find(session, code)
    except QuestionError:
        raise ProblemError("report-not-found") from None
    return shapes.QuestionProgress(text=row.text, asked_at=row.asked_at, answer=row.answer, answered_at=row.answered_at)


@router.get("/questions", operation_id="list_questions")
def list_questions(
    caller: AnsweringCaller,
    context: InContext,
    state: Literal["waiting", "answered"] = "waiting",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[shapes.QuestionSeen]:
    """The inbox: what waits longest first; or what was answered, the newest first."""
    with context.database.reading() as session:
        rows = questions.inbox(session, state == "waiting", limit)
        return _seen(session, rows, context)


def _seen(session: Session, rows: list[Question], context: Context) -> list[shapes.QuestionSeen]:
    known, now = views.persons(session, (q.assignee_id for q in rows)), utc_now()
    rules = context.governance.village.questions
    seen = []
    for row in rows:
        canned = questions.suggest(row.text, rules) if row.answered_at is None else None
        seen.append(
            shapes.QuestionSeen(
                id=row.id, text=row.text, contact=row.contact, source=row.source, asked_at=row.asked_at,
                due_at=row.due_at, overdue=(row.answered_at or now) > row.due_at,
                assignee=known.get(row.assignee_id or ""), answer=row.answer, answered_at=row.answered_at,
                suggestion=canned.id if canned else None,
            )
        )  # fmt: skip
    return seen


@router.get("/questions/figures", operation_id="get_question_figures")
def get_figures(
    caller: StaffCaller, context: InContext, days: Annotated[int, Query(ge=1, le=366)] = 7
) -> QuestionFigures:
    """How fast the questions of the last `days` were answered."""
    now = utc_now()
    with context.database.reading() as session:
        found = questions.figures(session, now - timedelta(days=days), now, now)
    return QuestionFigures.model_validate(asdict(found))


@router.get("/questions/canned", operation_id="list_canned_answers")
def list_canned(caller: AnsweringCaller, context: InContext) -> list[shapes.CannedSeen]:
    """Answers to common questions."""
    return [
        shapes.CannedSeen(id=c.id, name=c.name, text=Text(zh=c.text.zh, en=c.text.en))
        for c in context.governance.village.questions.canned
    ]


@router.post("/questions/{question_id}/answer", operation_id="answer_question")
def answer_question(
    question_id: str, wish: shapes.AnswerWish, caller: AnsweringCaller, context: InContext, request: Request
) -> shapes.QuestionSeen:
    """Answers a question; 409 when somebody was quicker."""
    write_audit(context, caller, "question.answer", question_id, request)
    return _change(context, lambda s: questions.answer(s, question_id, wish.text, caller.id, wish.canned_id))


@router.post("/questions/{question_id}/assign", operation_id="assign_question")
def assign_question(
    question_id: str, wish: shapes.AssignWish, caller: AnsweringCaller, context: InContext, request: Request
) -> shapes.QuestionSeen:
    """Makes somebody answer for a question."""
    write_audit(context, caller, "question.assign", question_id, request)
    return _change(context, lambda s: questions.assign(s, question_id, wish.user_id))


def _change(context: Context, work: Callable[[Session], Question]) -> shapes.QuestionSeen:
    try:
        with context.database.session() as session:
            return _seen(session, [work(session)], context)[0]
    except QuestionError as error:
        raise ProblemError("cannot", f"{error.zh} / {error.en}") from None


@router.get("/staff", operation_id="list_staff")
def list_staff(caller: StaffCaller, context: InContext) -> list[Person]:
    """Everybody who works for the village, for choosing whom to send or to ask."""
    from sqlalchemy import select

    from models.tables import User

    with context.database.reading() as session:
        query = select(User.id).where(User.disabled.is_(False), User.role != Role.CITIZEN.value)
        found = views.persons(session, session.scalars(query).all())
    return sorted(found.values(), key=lambda p: p.display_name)
