"""The public account's protocol: documented signatures, plain and encrypted messages."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner

from alerts import wechat
from alerts.wechat import NotFromWeChat
from configs.village import WeChatAccount

STAMP = 1411443780
NOW = datetime.fromtimestamp(STAMP, UTC)
KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
PLAIN = WeChatAccount.model_validate({"token": "123456"})
SECRET = WeChatAccount.model_validate({"token": "123456", "app_id": "wx49f0ab532d5d035a", "aes_key": KEY})
TEXT = (
    "<xml><ToUserName><![CDATA[gh]]></ToUserName><FromUserName><![CDATA[someone]]></FromUserName>"
    "<CreateTime>1411443780</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[着火了]]></Content>"
    "<MsgId>6054768590064713728</MsgId></xml>"
)


def documented(*parts: str) -> str:
    """The signature as WeChat documents it: SHA-1 of the sorted parts, joined."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def test_the_published_vectors() -> None:
    echo = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
    signer = WeChatSigner()
    signer.add_data("123456", str(STAMP), "437374425", echo)
    assert signer.signature == "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"
    assert documented("test", "123456", "test", "rust") == "d6056f2bb3ad3e30f4afa5ef90cc9ddcdc7b7b27"


@pytest.mark.parametrize(
    ("token", "late", "genuine"), [("123456", 0, True), ("123457", 0, False), ("123456", 3600, False)]
)
def test_an_address_is_checked_for_who_and_when(token: str, late: int, genuine: bool) -> None:
    signature = documented(token, str(STAMP), "n")
    if genuine:
        wechat.check(PLAIN, signature, str(STAMP), "n", NOW)
        return
    with pytest.raises(NotFromWeChat):
        wechat.check(PLAIN, signature, str(STAMP), "n", NOW + timedelta(seconds=late))


def test_a_plain_message_is_read_and_answered() -> None:
    heard = wechat.read(PLAIN, TEXT.encode(), None, str(STAMP), "n")
    assert (heard.id, heard.person, heard.kind, heard.text) == ("6054768590064713728", "someone", "text", "着火了")
    answer = xmltodict.parse(wechat.respond(PLAIN, heard, "已收到", str(STAMP), "n"))["xml"]
    assert (answer["ToUserName"], answer["FromUserName"], answer["Content"]) == ("someone", "gh", "已收到")


def test_an_encrypted_message_is_read_answered_and_not_taken_with_a_wrong_signature() -> None:
    crypto = WeChatCrypto("123456", KEY, "wx49f0ab532d5d035a")
    sent = xmltodict.parse(crypto.encrypt_message(TEXT, "n", str(STAMP)))["xml"]
    body = f"<xml><ToUserName>gh</ToUserName><Encrypt>{sent['Encrypt']}</Encrypt></xml>".encode()
    heard = wechat.read(SECRET, body, sent["MsgSignature"], str(STAMP), "n")
    assert heard.text == "着火了"
    answer = wechat.respond(SECRET, heard, "已收到", str(STAMP), "n")
    assert "已收到" not in answer
    again = xmltodict.parse(answer)["xml"]
    assert "已收到" in crypto.decrypt_message(answer, again["MsgSignature"], str(STAMP), "n")
    for wrong in ("0" * 40, None):
        with pytest.raises(NotFromWeChat):
            wechat.read(SECRET, body, wrong, str(STAMP), "n")


ENTITY = b'<!DOCTYPE a [<!ENTITY b "c">]><xml>&b;</xml>'


@pytest.mark.parametrize("body", [b"", b"<xml>", b"<xml/>", ENTITY, b"\xff\xfe"])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(NotFromWeChat):
        wechat.read(PLAIN, body, None, str(STAMP), "n")
