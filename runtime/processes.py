"""What each process of the box does: `python -m runtime shard`, `api` and `desk`.

Promises: each ends on SIGTERM, and with its supervisor. Not here: who starts them (`supervisor.py`).
"""

import argparse
import logging
import logging.handlers
import sys
from pathlib import Path

from configs.errors import ConfigError
from configs.load import load_site
from models.errors import DatabaseUnavailable
from models.session import open_database
from runtime.folders import DEFAULT_CONFIG, Folders, database_url
from runtime.supervisor import die_with_parent, stop_on_signals

log = logging.getLogger("vbrain")


def main(arguments: list[str] | None = None) -> int:
    """Runs one process until it is told to stop. Returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m runtime")
    parser.add_argument("process", choices=["shard", "api", "desk"])
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG)
    parser.add_argument("--name", default="shard-0", help="the shard's name")
    parser.add_argument("--shards", default="shard-0", help="the shards an api listens to, separated by commas")
    parser.add_argument("--cameras", default="", help="camera ids of the shard, separated by commas; all when empty")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args(arguments)
    die_with_parent()
    folders = Folders.from_environment()
    folders.make()
    set_up_logging(folders.logs / f"{options.process}.log")
    try:
        return {"shard": _shard, "api": _api, "desk": _desk}[options.process](options, folders)
    except (ConfigError, DatabaseUnavailable, OSError) as error:
        log.critical("%s", error)
        return 2


def _shard(options: argparse.Namespace, folders: Folders) -> int:
    # Imported here: the other processes need no engines in memory.
    from alerts.evidence import EvidenceStore
    from configs.phones import phone_points
    from runtime.asks import looks_asked, tasks_of
    from runtime.engines import open_engines
    from runtime.shard import Shard, let_threads_take_turns

    let_threads_take_turns()
    stop = stop_on_signals()
    site = load_site(options.config)
    wanted = {c for c in options.cameras.split(",") if c}
    cameras = [p for p in site.cameras if not wanted or p.id in wanted]
    phones = [p for p in phone_points(site) if not wanted or p.id in wanted]
    points = [*cameras, *phones]
    database = open_database(database_url(), folders.var)
    engines = open_engines(
        {task for p in points for task in tasks_of(p)}, looks_per_second=looks_asked(cameras), cache_folder=folders.var
    )
    shard = Shard(
        site,
        points,
        engines,
        database,
        EvidenceStore(folders.evidence),
        folders.shard_endpoint(options.name),
        folders.recordings,
        folders.feedback,
    )
    shard.start()
    log.info("%s watches %d cameras and up to %d phones", options.name, len(cameras), len(phones))
    try:
        shard.run(stop)
    finally:
        shard.stop()
        engines.close()
        database.close()
    return 0


def _api(options: argparse.Namespace, folders: Folders) -> int:
    from api.server import run
    from api.settings import ApiSettings, LiveSettings
    from runtime.photo_judge import FirePhotoJudge

    site = load_site(options.config)
    service = site.service
    run(
        ApiSettings(
            site=site,
            database_url=database_url(),
            data_dir=folders.var,
            evidence_dir=folders.evidence,
            web_dist=folders.web,
            shard_endpoints=tuple(folders.shard_endpoint(name) for name in options.shards.split(",")),
            host=options.host,
            port=options.port,
            tls_certificate=service.tls_certificate,
            tls_key=service.tls_key,
            trusted_proxies=tuple(service.trusted_proxies),
            allowed_origins=tuple(service.allowed_origins),
            session_hours=service.session_hours,
            metrics_token=service.metrics_token,
            live=LiveSettings(
                viewers_total=service.viewers,
                viewers_per_camera=service.viewers_per_camera,
                megabits=service.live_megabits,
                transcoders=service.transcoders,
                ice_servers=tuple(service.ice_servers),
                turn_username=service.turn_username,
                turn_password=service.turn_password,
                public_addresses=tuple(str(address) for address in service.public_addresses),
            ),
            photo_judge=FirePhotoJudge(),
        )
    )
    return 0


def _desk(options: argparse.Namespace, folders: Folders) -> int:
    from runtime.desk import keep_desk

    database = open_database(database_url(), folders.var)
    try:
        keep_desk(database, stop_on_signals())
    finally:
        database.close()
    return 0


def set_up_logging(file: Path) -> None:
    """Warnings to the screen, all to a file that never grows beyond 3 × 5 MB."""
    to_file = logging.handlers.RotatingFileHandler(file, maxBytes=5_000_000, backupCount=2)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    to_screen = logging.StreamHandler(sys.stderr)
    to_screen.setLevel(logging.WARNING)
    to_screen.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_screen], force=True)
    for chatty in ("aioice", "aiortc", "httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
