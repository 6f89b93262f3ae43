"""The WeChat public account's server address (村情通): `/api/wechat`. What messages mean is in `alerts/wechat.py`.

Promises: off unless village.yaml has a token; every message must be signed; pictures are fetched from WeChat's own
hosts alone, within limits.
"""

import logging
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from alerts import wechat
from alerts.notify.webhook import PassingFailure, PermanentFailure, checked_address
from alerts.reports import Media
from alerts.wechat import Heard, NotFromWeChat
from api.context import Context, InContext
from api.problems import ProblemError
from api.routes.dispatch import clean
from models.base import utc_now

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api", tags=["wechat"], include_in_schema=False)

_FETCH_SECONDS = 3.0  # WeChat waits for five


def _check(context: Context, request: Request) -> tuple[str, str]:
    account = context.governance.village.wechat
    if not account.token.get_secret_value():
        raise ProblemError("not-found", "the WeChat account is not set up")
    query = request.query_params
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    try:
        wechat.check(account, query.get("signature", ""), timestamp, nonce, utc_now())
    except NotFromWeChat as error:
        raise ProblemError("not-allowed", str(error)) from None
    return timestamp, nonce


@router.get("/wechat")
def verify(context: InContext, request: Request) -> Response:
    """WeChat asks whether this is the server of the account."""
    _check(context, request)
    return Response(request.query_params.get("echostr", ""), media_type="text/plain")


@router.post("/wechat")
async def receive(context: InContext, request: Request) -> Response:
    """One message of the account."""
    timestamp, nonce = _check(context, request)
    body = await request.body()
    signature = request.query_params.get("msg_signature")

    def work() -> str:
        account = context.governance.village.wechat
        try:
            heard = wechat.read(account, body, signature, timestamp, nonce)
        except NotFromWeChat as error:
            raise ProblemError("bad-request", str(error)) from None
        return wechat.respond(account, heard, _deal_with(context, heard), timestamp, nonce)

    xml = await run_in_threadpool(work)
    context.bulletin.nudge()
    return Response(xml, media_type="application/xml")


def _deal_with(context: Context, heard: Heard) -> str:
    with context.database.reading() as session:
        known = wechat.known_reply(session, heard)
    if known is not None:
        return known
    media = _picture(context, heard.picture) if heard.picture else None
    with context.database.session() as session:
        return wechat.deal_with(session, heard, media, context.governance.village, utc_now())


def _picture(context: Context, url: str) -> Media | None:
    """The picture of a message, cleaned; None when it cannot be had."""
    village = context.governance.village
    if urlsplit(url).hostname not in village.wechat.picture_hosts:
        return None
    try:
        checked_address(url, allow_private=False)
        most = int(village.reports.photo_megabytes * 1e6)
        data = b""
        with httpx.stream("GET", url, timeout=_FETCH_SECONDS, follow_redirects=False, trust_env=False) as answer:
            if answer.status_code != 200:
                return None
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > most:
                    return None
        return clean(context, [data])
    except (httpx.HTTPError, PassingFailure, PermanentFailure, ProblemError) as error:
        log.warning("a picture of a WeChat message could not be taken: %s", type(error).__name__)
        return None
