"""What can go wrong with a stream: one class for each situation that we recover from.

Promises: `cause` is a short fixed word for counting and for translating; the message is one sentence for a person that
says what to do and never holds a password. Not here: how long to wait before the next try (`state.py`).
"""

from typing import ClassVar
from urllib.parse import urlsplit

#: For each cause, the sentence to show: (Chinese, English).
SENTENCES: dict[str, tuple[str, str]] = {
    "connecting": ("正在连接摄像机。", "Connecting to the camera."),
    "waiting_picture": ("已连接，正在等待第一个画面。", "Connected; waiting for the first picture."),
    "online": ("画面正常。", "Pictures are arriving."),
    "unneeded": ("没有人需要这路视频，因此未打开。", "Nobody needs this stream now, so it is closed."),
    "stopped": ("已停止。", "Stopped."),
    "unauthorised": (
        "摄像机拒绝了用户名或密码；请在配置中更正。",
        "The camera refused the user name or password; correct them in the configuration.",
    ),
    "refused": (
        "摄像机拒绝连接；请检查它是否已开机、端口是否正确。",
        "The camera refused the connection; check that it is running and the port is right.",
    ),
    "dns": ("找不到该主机名；请检查地址或域名解析。", "No such host name; check the address or the name server."),
    "unreachable": (
        "网络不通；请检查网线、交换机和地址。",
        "The camera cannot be reached; check the cable, the switch and the address.",
    ),
    "timeout": (
        "摄像机没有在限定时间内应答；请检查网络或重启摄像机。",
        "The camera did not answer in time; check the network or restart the camera.",
    ),
    "certificate": (
        "摄像机的证书不可信；请将其证书加入 VBRAIN_RTSPS_CA 所指的文件。",
        "The camera's certificate is not trusted; add it to the file that VBRAIN_RTSPS_CA names.",
    ),
    "not_encrypted": (
        "该端口不支持加密连接；请改用 rtsp:// 或更正端口。",
        "That port does not speak TLS; write rtsp:// or correct the port.",
    ),
    "not_found": (
        "摄像机上没有这个地址的视频；请检查路径。",
        "The camera has no stream at this path; check the path of the URL.",
    ),
    "no_video": ("这路流里没有视频；请检查路径。", "The stream carries no video; check the path of the URL."),
    "codec": (
        "不支持该视频编码；请在摄像机上选择 H.264、H.265 或 MJPEG。",
        "This video codec is not supported; choose H.264, H.265 or MJPEG on the camera.",
    ),
    "ended": ("摄像机中断了连接；正在重连。", "The camera ended the stream; connecting again."),
    "silent": ("画面停止更新；正在重连。", "Pictures stopped coming; connecting again."),
    "undecodable": (
        "收到数据但无法解码出画面；请检查网络丢包或摄像机编码。",
        "Data arrives but no picture can be decoded; check for packet loss and the camera's encoder.",
    ),
    "server_error": (
        "摄像机应答了一个错误；它可能过载，请重启摄像机。",
        "The camera answered with an error; it may be overloaded, so restart it if this stays.",
    ),
    "black": (
        "画面全黑；请检查镜头盖、补光灯和摄像机。",
        "The picture is black; check the lens cap, the lamp and the camera.",
    ),
    "covered": ("镜头被遮挡；请清理镜头前的物体。", "The lens is covered; clear whatever is in front of it."),
    "blurred": ("画面模糊；请清洁镜头或重新对焦。", "The picture is blurred; clean the lens or focus it again."),
    "frozen": (
        "画面静止不动；请重启摄像机。",
        "The picture stands still although data arrives; restart the camera.",
    ),
    "turned": (
        "镜头方向改变；请检查摄像机，并核对区域和计数线。",
        "The view has changed; check where the camera points, and its zones and lines.",
    ),
    "internal": ("程序内部错误；请查看日志。", "An internal error; see the log."),
}


class StreamError(Exception):
    """A stream failed in a way that we recover from."""

    cause: ClassVar[str] = "internal"

    def __init__(self, where: str = "", detail: str = "") -> None:
        """`where` is the redacted address; `detail` is FFmpeg's own word, if it adds something."""
        self.where = where
        sentence = SENTENCES[self.cause][1]
        extra = "; ".join(part for part in (where, detail) if part)
        super().__init__(f"{sentence[:-1]} ({extra})." if extra else sentence)


class Unauthorised(StreamError):
    """401 or 403: the account is wrong. Trying again soon could lock it."""

    cause = "unauthorised"


class Refused(StreamError):
    """Nothing listens at that port."""

    cause = "refused"


class NameNotFound(StreamError):
    """The host name does not resolve."""

    cause = "dns"


class Unreachable(StreamError):
    """No route, or the network is down."""

    cause = "unreachable"


class TimedOut(StreamError):
    """The camera did not answer in time."""

    cause = "timeout"


class UntrustedCertificate(StreamError):
    """The camera's certificate was to be checked, and does not fit or cannot be checked."""

    cause = "certificate"


class NotEncrypted(StreamError):
    """An encrypted connection was asked for at a port that offers none."""

    cause = "not_encrypted"


class NotFound(StreamError):
    """The camera has no such stream."""

    cause = "not_found"


class NoVideo(StreamError):
    """There is a stream, but no video in it."""

    cause = "no_video"


class UnsupportedCodec(StreamError):
    """Video of a kind that nothing downstream understands."""

    cause = "codec"


class Ended(StreamError):
    """The stream was fine, then the camera closed it."""

    cause = "ended"


class Silent(StreamError):
    """The stream was open, but no picture came for too long."""

    cause = "silent"


class Undecodable(StreamError):
    """Packets come, but no picture can be decoded from them."""

    cause = "undecodable"


class ServerError(StreamError):
    """The camera answered, but with an error of its own."""

    cause = "server_error"


def redact(url: str) -> str:
    """The URL as it may be shown: no user, no password, no query. Works on malformed ones too."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "?"
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{host}{port}{parts.path}"
