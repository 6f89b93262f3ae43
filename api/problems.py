"""Problems as RFC 9457 has them, in Chinese and English.

Promises: every error of the interface is `application/problem+json` with a stable type, and never repeats a password
or shows a stack trace. Not here: where they are raised.
"""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

#: kind → (status, Chinese, English)
KINDS: dict[str, tuple[int, str, str]] = {
    "not-logged-in": (401, "请先登录", "Log in first"),
    "wrong-password": (401, "用户名或密码不正确", "The user name or the password is wrong"),
    "wrong-current-password": (403, "当前密码不正确", "The current password is wrong"),
    "too-many-logins": (429, "登录尝试过多，请稍后再试", "Too many attempts to log in; wait and try again"),
    "not-allowed": (403, "您的角色无权进行此操作", "Your role may not do this"),
    "foreign-origin": (403, "请求来自其他网站，已拒绝", "The request came from another site and was refused"),
    "not-found": (404, "没有找到", "There is no such thing"),
    "camera-not-found": (404, "没有这个监控点", "There is no such camera"),
    "incident-not-found": (404, "没有这个事件", "There is no such incident"),
    "evidence-not-found": (404, "没有这份证据", "There is no such evidence"),
    "call-not-found": (404, "没有邀请您参加这次通话", "You are not asked to this call"),
    "call-over": (410, "通话已结束，或链接已失效", "The call is over, or its link does not hold any more"),
    "session-not-found": (404, "直播会话已结束", "The live session has ended"),
    "method-not-allowed": (405, "不支持此请求方法", "This method is not supported here"),
    "stale-incident": (
        409,
        "事件已被他人更新，请刷新后重试",
        "Somebody else has changed the incident; read it again and retry",
    ),
    "illegal-transition": (409, "当前状态不能进行此操作", "This step does not follow from where the incident stands"),
    "report-not-found": (404, "没有这个查询码，请核对后重试", "There is no such code; check it and try again"),
    "proposal-not-found": (404, "没有这条合并建议", "There is no such proposal"),
    "cannot": (409, "现在不能这样做", "This cannot be done now"),
    "call-under-way": (409, "该事件已有通话，请直接加入", "A call of this incident is under way; join it"),
    "call-full": (409, "通话最多六人", "There is no room for more in this call"),
    "call-taken": (409, "已有人用此链接加入", "Somebody has joined with this link already"),
    "too-many-calls": (503, "同时进行的通话已达上限，请稍后再试", "Too many calls at the moment; try again later"),
    "not-enough-points": (409, "积分不足", "There are not enough points"),
    "out-of-stock": (409, "已兑完", "There is none left"),
    "unusable-media": (415, "照片或视频无法使用", "The photo or video cannot be used"),
    "too-many-reports": (429, "操作过于频繁，请稍后再试", "Too many at once; wait and try again"),
    "disk-full": (507, "存储空间不足，请联系管理员", "There is no room to store this; tell the administrator"),
    "too-large": (413, "请求内容过大", "The request is too large"),
    "unplayable": (
        415,
        "浏览器无法播放该视频流的编码",
        "The browser cannot play this stream as the camera encodes it",
    ),
    "bad-media-type": (415, "内容类型不正确", "The content type is not the one expected here"),
    "bad-request": (400, "请求不正确", "The request is wrong"),
    "bad-offer": (400, "SDP 提议无法接受", "The SDP offer cannot be answered"),
    "invalid": (422, "请求内容有误", "The request has mistakes"),
    "stale-session": (412, "连接已更换，请重新建立", "This is of another connection; start a new session"),
    "cannot-restart": (422, "不支持重启连接，请重新建立", "A session cannot be restarted; start a new one"),
    "bad-range": (416, "请求的范围无效", "The range asked for is not there"),
    "too-many-phones": (
        503,
        "同时直播的手机已达上限，请等一位同事结束后再试",
        "As many phones are filming as may be; try again when a colleague has ended",
    ),
    "taken-over": (
        410,
        "您已在另一台设备或页面上开始直播，这里已停止",
        "You have begun to film with another device or page; here it has stopped",
    ),
    "no-phones": (
        409,
        "本村未开启手机直播，请联系管理员",
        "Phones are not cameras in this village; ask the administrator",
    ),
    "too-many-viewers": (503, "观看人数已达上限，请稍后再试", "Too many viewers at the moment; try again later"),
    "too-many-bits": (
        503,
        "实时画面占用的总带宽已达上限，请稍后再试",
        "All live pictures together take as much as they may; try again later",
    ),
    "too-many-transcoders": (
        503,
        "该视频流需转码后才能播放，同时转码的路数已达上限，请稍后再试",
        "This stream must be transcoded to be shown, and as many as may be are being transcoded; try again later",
    ),
    "too-many-listeners": (503, "连接数已达上限，请稍后再试", "Too many open connections; try again later"),
    "no-picture": (503, "该监控点暂无画面", "There is no picture of this camera at the moment"),
    "failed": (500, "服务内部错误，已记录", "Something went wrong in the service; it has been logged"),
}


class ProblemError(Exception):
    """Raised by routes; becomes the response. `kind` is a key of `KINDS`."""

    def __init__(self, kind: str, detail: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail or kind)
        self.kind, self.detail, self.headers = kind, detail, headers


def problem_response(
    kind: str,
    detail: str | None = None,
    headers: dict[str, str] | None = None,
    errors: list[str] | None = None,
    status: int | None = None,
) -> JSONResponse:
    """The response for a problem; `status` overrules the kind's own."""
    own, chinese, english = KINDS[kind]
    body: dict[str, Any] = {
        "type": f"/problems/{kind}",
        "title": english,
        "titles": {"zh": chinese, "en": english},
        "status": status or own,
        "detail": detail,
        "errors": errors,
    }
    return JSONResponse(body, status or own, headers, MEDIA_TYPE)


def _kind_of_status(status: int) -> str:
    known = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 416: "bad-range"}
    return known.get(status, "failed" if status >= 500 else "bad-request")


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> JSONResponse:
        return problem_response(error.kind, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Only where and what: the value itself may be a password.
        errors = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()]
        return problem_response("invalid", "; ".join(errors), errors=errors)

    @app.exception_handler(StarletteHTTPException)
    async def _http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        detail = None if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
        headers = dict(error.headers) if error.headers else None
        return problem_response(_kind_of_status(error.status_code), detail, headers, status=error.status_code)

    @app.exception_handler(Exception)
    async def _failed(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem_response("failed")
