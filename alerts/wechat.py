"""The 村情通 style of WeChat public account: text, picture and location open a report and follow it.

Promises: only messages that WeChat signed are read (wechatpy checks and parses them; XML with entities is refused); a
message that WeChat sends again gets the same answer and changes nothing; what one person sends within a quarter of an
hour is one report. Not here: the route, its limits (`api/routes/wechat.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
from wechatpy.utils import check_signature

from alerts import followup
from alerts.codes import person_hash
from alerts.duty import area_of
from alerts.evidence import EvidenceFile
from alerts.matching import opening_lock
from alerts.reports import Given, Media, ReportError, submit
from alerts.timeline import record
from configs.village import Village, WeChatAccount
from models.citizens import Report, Reporter, WeChatMessage
from models.tables import Alert, Incident

#: What somebody sends within this time belongs to their last report.
TOGETHER = timedelta(minutes=15)
_TOLERANCE = timedelta(minutes=10)
_STATUS_WORDS = frozenset({"进度", "查询", "status"})
_HELP = "您好！发送照片、位置和一句话即可上报；发送“进度”查询处理情况。"

#: Cleans and stores the picture of an address; None when it cannot be had.
FetchPicture = Callable[[str], Media | None]


class NotFromWeChat(Exception):
    """The signature is wrong, too old, or the message cannot be read."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the account."""

    id: str
    person: str
    kind: str
    text: str = ""
    picture: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    source: object | None = None


def check(account: WeChatAccount, signature: str, timestamp: str, nonce: str, now: datetime) -> None:
    """Checks the signature that is in the address. Raises NotFromWeChat."""
    try:
        check_signature(account.token.get_secret_value(), signature, timestamp, nonce)
    except InvalidSignatureException:
        raise NotFromWeChat("the signature is wrong") from None
    if not timestamp.isdigit() or abs(now.timestamp() - int(timestamp)) > _TOLERANCE.total_seconds():
        raise NotFromWeChat("the message is too old")


def crypto_of(account: WeChatAccount) -> WeChatCrypto | None:
    """For accounts whose messages are encrypted."""
    key = account.aes_key.get_secret_value()
    return WeChatCrypto(account.token.get_secret_value(), key, account.app_id) if key else None


def read(
    account: WeChatAccount, body: bytes, message_signature: str | None, timestamp: str, nonce: str
) -> Heard:  # fmt: skip
    """The message in a body. Raises NotFromWeChat."""
    lowered = body.lower()
    if b"<!doctype" in lowered or b"<!entity" in lowered:
        raise NotFromWeChat("the message cannot be read")
    try:
        crypto = crypto_of(account)
        if crypto is not None:
            body = crypto.decrypt_message(body, message_signature or "", timestamp, nonce).encode()
        message = parse_message(body)
        created = int(message.create_time.timestamp()) if message.create_time else 0
        identity = str(getattr(message, "id", 0) or f"{message.source}:{created}:{message.type}")
        return Heard(
            id=identity[:96],
            person=str(message.source),
            kind=str(message.type),
            text=str(getattr(message, "content", "") or getattr(message, "label", "") or ""),
            picture=getattr(message, "image", None),
            latitude=float(message.location_x) if message.type == "location" else None,
            longitude=float(message.location_y) if message.type == "location" else None,
            source=message,
        )
    except (InvalidSignatureException, InvalidAppIdException):
        raise NotFromWeChat("the signature is wrong") from None
    except Exception:  # whatever a malformed message makes the parser raise
        raise NotFromWeChat("the message cannot be read") from None


def respond(account: WeChatAccount, heard: Heard, text: str, timestamp: str, nonce: str) -> str:
    """The XML that answers a message."""
    xml = str(create_reply(text, message=heard.source, render=True))
    crypto = crypto_of(account)
    return str(crypto.encrypt_message(xml, nonce, timestamp)) if crypto is not None else xml


def known_reply(session: Session, heard: Heard) -> str | None:
    """What was answered when WeChat sent this before."""
    row = session.get(WeChatMessage, heard.id)
    return row.reply if row is not None else None


def deal_with(session: Session, heard: Heard, media: Media | None, village: Village, now: datetime) -> str:
    """Opens or follows a report; what to answer. The same message again gets the same answer."""
    opening_lock(session)
    if (known := known_reply(session, heard)) is not None:
        return known
    reply = _reply(session, heard, media, village, now)
    session.add(WeChatMessage(message_id=heard.id, at=now, reply=reply))
    session.flush()
    return reply


def _reply(session: Session, heard: Heard, media: Media | None, village: Village, now: datetime) -> str:
    if heard.kind not in ("text", "image", "location"):
        return _HELP
    if heard.kind == "image" and media is None:
        return "照片没有收到，请重新发送。"
    last = _last_report(session, heard.person)
    if heard.kind == "text" and heard.text.strip().lower() in _STATUS_WORDS:
        return _status(session, last) if last else "您还没有上报过。" + _HELP
    open_one = last if last is not None and now - last.created_at <= TOGETHER and not last.withdrawn_at else None
    device = (heard.latitude, heard.longitude)
    where = (device[0], device[1]) if device[0] is not None and device[1] is not None else None
    if open_one is not None:
        return _follow(session, open_one, heard, media, where, village, now)
    if heard.kind == "location":
        words = f"位置：{heard.text}" if heard.text else "位置"
        heard = Heard(heard.id, heard.person, heard.kind, words)
    given = Given(
        sentence=heard.text, device=where, reporter=("wechat", heard.person), source="wechat",
        address="wechat", media=media or Media(),
    )  # fmt: skip
    try:
        taken = submit(session, given, now)
    except ReportError as error:
        return error.zh
    missing = "" if where else "请再发送位置，便于网格员尽快到达。"
    return f"已收到，查询码 {taken.code}。{missing}发送“进度”可查询。"


def _follow(
    session: Session, report: Report, heard: Heard, media: Media | None, where: tuple[float, float] | None,
    village: Village, now: datetime,
) -> str:  # fmt: skip
    if where is not None:
        report.latitude, report.longitude = where
        spot = village.plan.on_plan(*where)
        incident = session.get_one(Incident, session.get_one(Alert, report.alert_id).incident_id)
        if spot is not None and incident.place_x is None:
            incident.place_x, incident.place_y = spot
            area = area_of(village, spot)
            incident.area_id = area.id if area else None
            report.place_from = "device"
        record(session, incident, "report_added", now, was=incident.state, note=heard.text or None, address="wechat",
               details={"report_id": report.id, "latitude": where[0], "longitude": where[1]})  # fmt: skip
        return "位置已收到。"
    files: tuple[EvidenceFile, ...] = media.files if media else ()
    try:
        followup.add(session, report, heard.text, files, "wechat")
    except ReportError as error:
        return error.zh
    return "已补充到您的上报。"


def _last_report(session: Session, person: str) -> Report | None:
    hashed = person_hash(session, "wechat", person)
    reporter = session.scalar(select(Reporter).where(Reporter.key_hash == hashed))
    return session.get(Report, reporter.last_report_id) if reporter and reporter.last_report_id else None


_STATE_NAMES = {
    "new": "已收到，待确认",
    "confirmed": "已确认",
    "dispatched": "已派单",
    "accepted": "网格员已接单",
    "on_site": "已到场",
    "resolved": "已处置，待办结",
    "closed": "办结",
    "false_alarm": "经核实非实际事件",
    "duplicate": "已并入同一事件",
}


def _status(session: Session, report: Report) -> str:
    state = followup.incident_of(session, report).state
    return f"您最近的上报：{_STATE_NAMES.get(state, state)}。"
