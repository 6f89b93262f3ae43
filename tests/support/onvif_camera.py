"""A small ONVIF camera on loopback: answers a WS-Discovery probe over UDP, and SOAP over HTTP, with a real account."""

import base64
import hashlib
import re
import socket
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_ENVELOPE = (
    f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>{}</s:Body></s:Envelope>'
)
_FAULT = (
    '<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value xmlns:ter="http://www.onvif.org/ver10/error">'
    'ter:NotAuthorized</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">Sender not Authorized</s:Text>'
    "</s:Reason></s:Fault>"
)
_MATCH = (
    f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{_SOAP}" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
    "<s:Header><a:MessageID>urn:uuid:{id}</a:MessageID><a:RelatesTo>{to}</a:RelatesTo>"
    "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header><s:Body>"
    "<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:{camera}</a:Address></a:EndpointReference>"
    "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/North%20gate</d:Scopes>"
    "<d:XAddrs>{url}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body>"
    "</s:Envelope>"
)


class OnvifCamera:
    """Serves until left. `url` is its device service, `discovery` where it takes probes."""

    def __init__(self, user: str = "admin", password: str = "right") -> None:
        self._user, self._password = user, password
        self.asked: list[str] = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = camera._answer(body)
                data = _ENVELOPE.format(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._udp.settimeout(0.2)
        self._over = threading.Event()
        self.host = f"127.0.0.1:{self._http.server_address[1]}"
        self.url = f"http://{self.host}/onvif/device_service"
        self.discovery: tuple[str, int] = self._udp.getsockname()
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.05,), name="onvif-http"),
            threading.Thread(target=self._take_probes, name="onvif-udp"),
        ]

    def __enter__(self) -> "OnvifCamera":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._http.shutdown()
        for thread in self._threads:
            thread.join(5)
        self._http.server_close()
        self._udp.close()

    def _take_probes(self) -> None:
        while not self._over.is_set():
            try:
                data, sender = self._udp.recvfrom(65536)
            except TimeoutError:
                continue
            asked = re.search(r"MessageID[^>]*>([^<]+)<", data.decode())
            if asked:
                answer = _MATCH.format(id=uuid.uuid4(), to=asked[1], camera=uuid.uuid4(), url=self.url)
                self._udp.sendto(answer.encode(), sender)

    def _answer(self, body: str) -> tuple[int, str]:
        found = re.search(r"Body[^>]*>\s*<(?:\w+:)?(\w+)", body)
        verb = found[1] if found else ""
        self.asked.append(verb)
        if verb in ("GetCapabilities", "GetServices"):
            return 200, self._services(verb)
        if not self._is_allowed(body):
            return 400, _FAULT
        if verb == "GetDeviceInformation":
            return 200, (
                "<tds:GetDeviceInformationResponse><tds:Manufacturer>Painter</tds:Manufacturer><tds:Model>P-37"
                "</tds:Model><tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>1</tds:SerialNumber>"
                "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
            )
        if verb == "GetProfiles":
            profiles = self._profile("sub", "H264", 640, 360, 10) + self._profile("main", "H264", 1920, 1080, 15)
            return 200, f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"
        if verb == "GetStreamUri":
            token = re.search(r"ProfileToken[^>]*>([^<]+)<", body)
            name = token[1] if token else "main"
            uri = f"rtsp://{self._user}:{self._password}@127.0.0.1:554/{name}"  # as some cameras do
            return 200, (
                f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false"
                "</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S"
                "</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
            )
        return 400, _FAULT

    def _services(self, verb: str) -> str:
        media = f"http://{self.host}/onvif/media_service"
        if verb == "GetServices":
            both = (
                ("http://www.onvif.org/ver10/device/wsdl", self.url),
                ("http://www.onvif.org/ver10/media/wsdl", media),
            )
            services = "".join(
                f"<tds:Service><tds:Namespace>{space}</tds:Namespace><tds:XAddr>{url}</tds:XAddr><tds:Version>"
                "<tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
                for space, url in both
            )
            return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>{self.url}</tt:XAddr></tt:Device>"
            f"<tt:Media><tt:XAddr>{media}</tt:XAddr><tt:StreamingCapabilities/></tt:Media></tds:Capabilities>"
            "</tds:GetCapabilitiesResponse>"
        )

    @staticmethod
    def _profile(name: str, codec: str, width: int, height: int, rate: int) -> str:
        return (
            f'<trt:Profiles token="{name}" fixed="true"><tt:Name>{name}</tt:Name>'
            f'<tt:VideoEncoderConfiguration token="{name}"><tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount>'
            f"<tt:Encoding>{codec}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
            f"</tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl><tt:FrameRateLimit>{rate}</tt:FrameRateLimit>"
            "<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>512</tt:BitrateLimit></tt:RateControl>"
            "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type></tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL>"
            "<tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout>"
            "</tt:VideoEncoderConfiguration></trt:Profiles>"
        )

    def _is_allowed(self, body: str) -> bool:
        """WS-UsernameToken with a digest, as ONVIF has it."""
        values = {}
        for name in ("Username", "Password", "Nonce", "Created"):
            found = re.search(rf"<(?:\w+:)?{name}(?:\s[^>]*)?>([^<]*)<", body)
            values[name] = found[1] if found else ""
        secret = base64.b64decode(values["Nonce"]) + values["Created"].encode() + self._password.encode()
        digest = base64.b64encode(hashlib.sha1(secret).digest()).decode()
        return values["Username"] == self._user and values["Password"] == digest
