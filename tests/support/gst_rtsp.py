"""GStreamer's RTSP server with a few kinds of streams. Run by the system's python3, in a process of its own:

    python3 gst_rtsp.py [--auth basic|digest] [--user U --password P] [--tls FOLDER] /path=KIND ...

With `--tls`, it serves rtsps:// with FOLDER's cert.pem and key.pem.
KIND: h264, h264-bframes, h264-reordered, h265, mjpeg, audio, black, ball. Prints `port N` when it serves; ends when
stdin closes.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

VIDEO = "videotestsrc is-live=true pattern={pattern} ! video/x-raw,format=I420,width=320,height=180,framerate=10/1"
X264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 bitrate=300"
X264_B = "x264enc speed-preset=ultrafast bframes=2 b-adapt=false key-int-max=20 bitrate=300 rc-lookahead=0"
H264_PAY = "h264parse config-interval=1 ! rtph264pay name=pay0 pt=96"
KINDS = {
    "h264": f"{VIDEO.format(pattern='smpte')} ! {X264} ! {H264_PAY}",
    "ball": f"{VIDEO.format(pattern='ball')} ! {X264} ! {H264_PAY}",
    "black": f"{VIDEO.format(pattern='black')} ! {X264} ! {H264_PAY}",
    "h264-bframes": f"{VIDEO.format(pattern='ball')} ! {X264_B} ! {H264_PAY}",
    # Without a profile asked for, GStreamer agrees on Baseline, which has no B-frames.
    "h264-reordered": f"{VIDEO.format(pattern='ball')} ! {X264_B} ! video/x-h264,profile=main ! {H264_PAY}",
    "h265": f"{VIDEO.format(pattern='ball')} ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "
    "! h265parse config-interval=1 ! rtph265pay name=pay0 pt=96",
    "mjpeg": f"{VIDEO.format(pattern='ball')} ! jpegenc ! rtpjpegpay name=pay0 pt=26",
    "audio": "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay0 pt=0",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--auth", choices=["basic", "digest"])
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="right")
    parser.add_argument("--tls")
    parser.add_argument("mounts", nargs="+")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    auth = GstRtspServer.RTSPAuth()
    if options.tls:
        files = f"{options.tls}/cert.pem", f"{options.tls}/key.pem"
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*files))
        server.set_auth(auth)
    if options.auth:
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        if options.auth == "basic":
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
        else:
            auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
            auth.add_digest(options.user, options.password, token)
        server.set_auth(auth)
    for mount in options.mounts:
        path, kind = mount.split("=")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {KINDS[kind]} )")
        factory.set_shared(True)
        if options.auth:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", "media.factory.access", True)
            permissions.add_permission_for_role("user", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    loop = GLib.MainLoop()
    print(f"port {server.get_bound_port()}", flush=True)
    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    loop.run()


if __name__ == "__main__":
    main()
