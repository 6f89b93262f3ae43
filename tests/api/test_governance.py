"""Governance over HTTP: questions, points, merging, messages, WeChat."""

import time
from datetime import UTC, datetime

import pytest
from wechatpy.utils import WeChatSigner

from alerts import credit
from alerts.incidents import raise_alert
from configs.site import Place
from configs.village import DEFAULT_VILLAGE, load_village
from models.base import new_id
from models.session import Database
from models.tables import User
from tests.alerts.people import draft
from tests.api.conftest import Service, StartService

TOKEN = "a-token-of-the-account"
VILLAGE = load_village(DEFAULT_VILLAGE, {"VBRAIN_WECHAT_TOKEN": TOKEN})


@pytest.fixture
def service(start_service: StartService, sqlite_database: Database) -> Service:
    return start_service(sqlite_database, village=VILLAGE)


def test_a_visitors_question_is_answered_once(service: Service) -> None:
    visitor, desk = service.client(), service.client("operator")
    asked = visitor.post("/api/questions", json={"text": "Where can I park?"}).json()
    assert asked["target_seconds"] == 300 and "car park" in asked["suggestion"]["en"]
    [waiting] = desk.get("/api/questions").json()
    assert waiting["suggestion"] == "parking" and waiting["overdue"] is False
    url = f"/api/questions/{waiting['id']}"
    someone = desk.get("/api/me").json()["user"]["id"]
    assert desk.post(f"{url}/assign", json={"user_id": someone}).json()["assignee"]["username"] == "operator"
    assert desk.post(f"{url}/answer", json={"text": "West gate", "canned_id": "parking"}).status_code == 200
    assert desk.post(f"{url}/answer", json={"text": "East gate"}).status_code == 409
    assert visitor.get(f"/api/questions/by-code/{asked['code']}").json()["answer"] == "West gate"
    figures = desk.get("/api/figures/governance").json()["questions"]
    assert (figures["asked"], figures["in_time"]) == (1, 1) and figures["seconds"]["median"] < 300
    assert service.client("viewer").get("/api/questions").status_code == 403


def test_points_are_redeemed_and_reversed(service: Service) -> None:
    with service.database.session() as session:
        worker = session.query(User).filter_by(username="grid_worker").one()
        credit.award(session, credit.user_account(worker.id), 45, "start")
    mine, desk, admin = (service.client(n) for n in ("grid_worker", "operator", "administrator"))
    wish = {"item_id": "soap", "key": "click-0001"}
    first = mine.post("/api/credit/me/redemptions", json=wish).json()
    assert mine.post("/api/credit/me/redemptions", json=wish).json() == first
    assert mine.post("/api/credit/me/redemptions", json={**wish, "key": "click-0002"}).status_code == 200
    poor = mine.post("/api/credit/me/redemptions", json={**wish, "key": "click-0003"})
    assert poor.status_code == 409 and poor.json()["type"] == "/problems/not-enough-points"
    assert next(i for i in desk.get("/api/credit/catalogue").json() if i["id"] == "soap")["stock"] == 98
    url = f"/api/credit/entries/{first['entry_id']}/reversal"
    assert desk.post(url, json={"note": "broken"}).status_code == 403
    assert admin.post(url, json={"note": "broken"}).json()["amount"] == 20
    assert admin.post(url, json={"note": "broken"}).status_code == 409
    assert mine.get("/api/credit/me").json()["balance"] == 25
    assert mine.get("/api/credit/accounts").status_code == 403
    lines = admin.get("/api/credit/export.csv").text.splitlines()
    assert lines[1].endswith(",25,45,bronze")
    seen = [(e["kind"], e["amount"], e["item_id"], e["reversed"]) for e in mine.get("/api/credit/me").json()["entries"]]
    bought = ("redemption", -20, "soap", False)
    assert seen == [("reversal", 20, "soap", False), bought, (*bought[:3], True), ("award", 45, None, False)]
    assert admin.post("/api/credit/catalogue/soap/stock", json={"change": 5}).json()["stock"] == 104


def test_points_by_hand_have_a_reason_and_a_name_and_are_entered_once(service: Service) -> None:
    desk, admin, mine = (service.client(n) for n in ("operator", "administrator", "grid_worker"))
    account = mine.get("/api/credit/me").json()["account_id"]
    url, wish = (
        f"/api/credit/accounts/{account}/awards",
        {"points": 30, "note": "cleaned the stream", "key": "click-0001"},
    )
    assert desk.post(url, json=wish).status_code == 403
    assert admin.post(url, json={**wish, "note": ""}).status_code == 422
    assert admin.post(url, json={**wish, "points": -30}).status_code == 422
    assert admin.post("/api/credit/accounts/user:nobody/awards", json=wish).status_code == 409
    admin.post(url, json=wish)
    seen = admin.post(url, json=wish).json()
    [entry] = seen["entries"]
    assert (seen["balance"], seen["earned"], entry["because"]) == (30, 30, "manual")
    assert (entry["note"], entry["by"]) == ("cleaned the stream", "administrator")


def test_likely_the_same_is_asked_decided_and_parted_again(service: Service) -> None:
    now = datetime.now(UTC).timestamp()
    with service.database.session() as session:
        one = raise_alert(session, new_id(), draft(at=now, camera="a"), Place(x=0.46, y=0.4)).incident.id
        other = raise_alert(session, new_id(), draft(at=now, camera="b"), Place(x=0.61, y=0.4)).incident.id
    desk = service.client("operator")
    [proposal] = desk.get("/api/merge-proposals").json()
    assert {proposal["incident"]["id"], proposal["other"]["id"]} == {one, other} and "300 m" in proposal["reason"]["en"]
    assert desk.post(f"/api/merge-proposals/{proposal['id']}", json={"merge": True}).status_code == 204
    assert desk.get("/api/merge-proposals").json() == []
    assert desk.post(f"/api/merge-proposals/{proposal['id']}", json={"merge": True}).status_code == 409
    kept = desk.get(f"/api/incidents/{one}").json()
    gone = other if kept["alert_count"] == 2 else one
    kept = kept if kept["alert_count"] == 2 else desk.get(f"/api/incidents/{other}").json()
    assert desk.get(f"/api/incidents/{kept['id']}/handling").json()["merged_from"] == [gone]
    camera = "a" if gone == one else "b"  # either may be the one that was taken in
    moved = [a["id"] for a in kept["alerts"] if a["camera_id"] == camera]
    wish = {"alert_ids": moved, "version": kept["version"]}
    parted = desk.post(f"/api/incidents/{kept['id']}/split", json=wish)
    assert parted.status_code == 200 and parted.json()["incident"]["id"] == gone


def test_messages_can_be_followed_and_channels_tested(service: Service) -> None:
    desk = service.client("operator")
    assert {c["id"]: c["enabled"] for c in desk.get("/api/notifications/channels").json()} == {
        "duty-chat": False, "township": False, "phones": True,
    }  # fmt: skip
    assert desk.post("/api/notifications/test", json={"channel_id": "duty-chat"}).status_code == 409
    nowhere = desk.post("/api/notifications/test", json={"channel_id": "phones"})
    assert nowhere.status_code == 409 and "no browser of yours" in nowhere.json()["detail"]
    key = desk.get("/api/push/key").json()["key"]
    assert len(key) == 87 and desk.get("/api/push/key").json()["key"] == key
    inside = {"endpoint": "https://127.0.0.1/push", "keys": {"p256dh": "k", "auth": "a"}}
    assert desk.post("/api/push/subscriptions", json=inside).status_code == 400


def wechat(service: Service, body: str, token: str = TOKEN, age: int = 0) -> tuple[int, str]:
    stamp = str(int(time.time()) - age)
    signer = WeChatSigner()
    signer.add_data(token, stamp, "nonce")
    query = {"signature": signer.signature, "timestamp": stamp, "nonce": "nonce"}
    answer = service.client().post("/api/wechat", params=query, content=body.encode())
    return answer.status_code, answer.text


def message(kind: str, number: int, inner: str) -> str:
    return (
        f"<xml><ToUserName><![CDATA[gh]]></ToUserName><FromUserName><![CDATA[openid-1]]></FromUserName>"
        f"<CreateTime>1348831860</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>{inner}<MsgId>{number}</MsgId></xml>"
    )


def test_a_wechat_report_is_one_incident_that_can_be_followed(service: Service) -> None:
    text = message("text", 1, "<Content><![CDATA[田里着火了]]></Content>")
    status, first = wechat(service, text)
    assert status == 200 and "查询码" in first
    assert wechat(service, text)[1].count("查询码") == 1
    where = "<Location_X>28.9903</Location_X><Location_Y>118.7512</Location_Y><Scale>15</Scale><Label>田边</Label>"
    assert "位置已收到" in wechat(service, message("location", 2, where))[1]
    assert "待确认" in wechat(service, message("text", 3, "<Content>进度</Content>"))[1]
    [item] = service.client("operator").get("/api/incidents").json()["items"]
    assert item["place"]["x"] == pytest.approx(0.46, abs=0.01) and "田里着火了" in item["summary"]["zh"]
    foreign = "<PicUrl><![CDATA[http://127.0.0.1/x.jpg]]></PicUrl><MediaId>m</MediaId>"
    assert "没有收到" in wechat(service, message("image", 4, foreign))[1]


def test_wechat_must_sign(service: Service) -> None:
    text = message("text", 1, "<Content>a</Content>")
    assert wechat(service, text, token="another")[0] == 403
    assert wechat(service, text, age=3600)[0] == 403
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + text
    assert wechat(service, bomb)[0] == 400 and wechat(service, "no xml")[0] == 400
    assert service.client("operator").get("/api/incidents").json()["items"] == []
