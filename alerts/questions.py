"""Visitors' questions (智慧便民): an inbox with a clock, canned answers, and how fast they were answered.

Promises: a question is answered once; its asker follows it with a code. Not here: incidents, routes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerts.codes import code_hash, new_code
from alerts.numbers import Spread, spread_of
from configs.village import CannedAnswer, Questions
from models.base import utc_now
from models.citizens import Question
from models.tables import OutboxMessage, User

_MOST_MEASURED = 20_000


class QuestionError(Exception):
    """It cannot be done; the sentences say why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def ask(
    session: Session, text: str, contact: str | None, source: str, rules: Questions, now: datetime | None = None
) -> tuple[str, Question]:
    """Takes a question; the code is shown this once. Raises QuestionError."""
    text = " ".join(text.split())[:1000]
    if not text:
        raise QuestionError("请写下您的问题", "write your question")
    now, code = now or utc_now(), new_code()
    question = Question(
        code_hash=code_hash(code),
        text=text,
        contact=(contact or "").strip()[:64] or None,
        source=source,
        asked_at=now,
        due_at=now + timedelta(seconds=rules.target_seconds),
    )
    session.add(question)
    session.add(OutboxMessage(topic="question.asked", subject_id=question.id, payload={"text": text}, created_at=now))
    session.flush()
    return code, question


def find(session: Session, code: str) -> Question:
    """The question of a code. Raises QuestionError."""
    question = session.scalar(select(Question).where(Question.code_hash == code_hash(code)))
    if question is None:
        raise QuestionError("没有这个查询码，请核对后重试", "there is no such code; check it and try again")
    return question


def inbox(session: Session, waiting: bool, limit: int) -> list[Question]:
    """What waits, the longest waiting first; or what was answered, the newest first."""
    if waiting:
        query = select(Question).where(Question.answered_at.is_(None)).order_by(Question.asked_at, Question.id)
    else:
        query = select(Question).where(Question.answered_at.is_not(None)).order_by(Question.asked_at.desc())
    return list(session.scalars(query.limit(limit)))


def assign(session: Session, question_id: str, user_id: str) -> Question:
    """Makes somebody answer for it. Raises QuestionError."""
    question = _open(session, question_id)
    user = session.get(User, user_id)
    if user is None or user.disabled:
        raise QuestionError("没有这个用户", "there is no such user")
    question.assignee_id = user_id
    session.flush()
    return question


def answer(
    session: Session, question_id: str, text: str, by: str, canned_id: str | None = None, now: datetime | None = None
) -> Question:
    """Answers it. Raises QuestionError, also when somebody was quicker."""
    text = text.strip()[:2000]
    if not text:
        raise QuestionError("请写下回答", "write an answer")
    question = _open(session, question_id)
    question.answer, question.canned_id = text, canned_id
    question.answered_at, question.answered_by = now or utc_now(), by
    session.flush()
    return question


def _open(session: Session, question_id: str) -> Question:
    question = session.get(Question, question_id, with_for_update=True, populate_existing=True)
    if question is None:
        raise QuestionError("没有这个问题", "there is no such question")
    if question.answered_at is not None:
        raise QuestionError("这个问题已有人回答", "somebody has answered this already")
    return question


def suggest(text: str, rules: Questions) -> CannedAnswer | None:
    """The canned answer most of whose words are in the question."""
    lower = text.lower()
    scored = [(sum(k.lower() in lower for k in c.keywords), c) for c in rules.canned]
    best = max(scored, key=lambda pair: pair[0], default=(0, None))
    return best[1] if best[0] else None


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """How fast questions were answered."""

    asked: int
    answered: int
    in_time: int
    waiting: int
    late: int
    seconds: Spread | None


def figures(session: Session, since: datetime, until: datetime, now: datetime) -> AnswerFigures:
    """Of the questions that were asked in a span."""
    query = select(Question.asked_at, Question.answered_at, Question.due_at).where(
        Question.asked_at >= since, Question.asked_at < until
    )
    rows = session.execute(query.order_by(Question.asked_at.desc()).limit(_MOST_MEASURED)).all()
    done = [(a - q, a <= due) for q, a, due in rows if a is not None]
    return AnswerFigures(
        asked=len(rows),
        answered=len(done),
        in_time=sum(in_time for _, in_time in done),
        waiting=len(rows) - len(done),
        late=sum(1 for _, a, due in rows if a is None and due < now),
        seconds=spread_of([took.total_seconds() for took, _ in done]),
    )
