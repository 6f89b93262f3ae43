"""What a message says, in both languages.

Promises: plain JSON, made when the message is planned, so that it says what was true then. Not here: who gets it.
"""

from datetime import datetime
from typing import Any

from configs.kinds import KindRules
from models.tables import Incident

#: What happened, by event: (zh, en).
EVENTS: dict[str, tuple[str, str]] = {
    "opened": ("新事件", "New"),
    "graver": ("事态升级", "Graver"),
    "escalated": ("超时未处理", "Late"),
    "assigned": ("请前往处置", "You are asked to go"),
    "call": ("来电", "Call"),
    "confirm": ("已确认", "Confirmed"),
    "false_alarm": ("误报", "False alarm"),
    "duplicate": ("重复事件", "Duplicate"),
    "accept": ("已接单", "Accepted"),
    "decline": ("已拒单", "Declined"),
    "time_out": ("未响应", "No answer"),
    "arrive": ("已到场", "On site"),
    "resolve": ("已处置", "Resolved"),
    "close": ("办结", "Closed"),
    "reopen": ("重新打开", "Reopened"),
    "question": ("新咨询", "Question"),
    "test": ("测试消息", "Test message"),
}


def about_incident(incident: Incident, event: str, rules: KindRules, payload: dict[str, Any], at: datetime) -> Any:
    """The content of a message about an incident."""
    zh, en = EVENTS.get(event, (event, event))
    if event == "call":
        return _about_call(incident, rules, payload, at)
    late = payload.get("late_seconds")
    minutes = f"{late / 60:.0f}" if isinstance(late, int) else None
    return {
        "event": event,
        "title": {
            "zh": f"【{zh}】{rules.name.zh}" + (f"，已超时 {minutes} 分钟" if minutes else ""),
            "en": f"{en}: {rules.name.en}" + (f", late by {minutes} min" if minutes else ""),
        },
        "body": {"zh": incident.summary_zh, "en": incident.summary_en},
        "kind": incident.kind,
        "severity": incident.severity,
        "incident_id": incident.id,
        "link": f"/incidents/{incident.id}",
        "at": at.isoformat(),
    }


def _about_call(incident: Incident, rules: KindRules, payload: dict[str, Any], at: datetime) -> Any:
    """Who calls, and the way to answer. `until`: later it rings no more, and is not worth sending."""
    zh, en = EVENTS["call"]
    who = str(payload.get("by_name", ""))
    return {
        "event": "call",
        "title": {"zh": f"【{zh}】{rules.name.zh}", "en": f"{en}: {rules.name.en}"},
        "body": {"zh": f"{who} 邀您通话，点按接听", "en": f"{who} calls you; tap to answer"},
        "kind": incident.kind,
        "severity": incident.severity,
        "incident_id": incident.id,
        "call_id": payload.get("call"),
        "link": f"/calls/{payload.get('call')}?incident={incident.id}",
        "until": payload.get("until"),
        "at": at.isoformat(),
    }


def about_question(question_id: str, payload: dict[str, Any], at: datetime) -> Any:
    """The content of a message about a visitor's question."""
    text = str(payload.get("text", ""))[:200]
    return {
        "event": "question",
        "title": {"zh": "【新咨询】", "en": "Question"},
        "body": {"zh": text, "en": text},
        "question_id": question_id,
        "link": f"/questions/{question_id}",
        "at": at.isoformat(),
    }


def as_text(content: dict[str, Any], language: str, more: int = 0) -> tuple[str, str]:
    """(title, body) in the channel's language; `more`: so many others were grouped into it."""
    languages = ("zh", "en") if language == "both" else (language,)
    title = " / ".join(content["title"][one] for one in languages)
    body = "\n".join(dict.fromkeys(content["body"][one] for one in languages))
    if more:
        said = {"zh": f"（另有 {more} 起同类事件）", "en": f"(and {more} more of the kind)"}
        body += "\n" + " ".join(said[one] for one in languages)
    return title, body
