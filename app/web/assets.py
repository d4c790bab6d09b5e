"""Static files, read once at start: one version for the whole tree in every URL, so that they may be kept forever.

Compressed once instead of for every request. A URL with another version is not found.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parents[2] / "static"
FOREVER = "public, max-age=31536000, immutable"
SOURCES = ("package.json", "package-lock.json", "build.mjs")
"""Files that say how the vendored ones were made; not served."""
TYPES: Mapping[str, str] = {
    ".js": "text/javascript",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    media_type: str
    content: bytes
    compressed: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    version: str
    files: Mapping[str, Asset]

    def url(self, path: str) -> str:
        """Address of a static file; KeyError for one that is not there."""
        if path not in self.files:
            raise KeyError(path)
        return f"/static/{self.version}/{path}"

    def text(self, path: str) -> str:
        return self.files[path].content.decode()

    async def serve(self, request: Request) -> Response:
        asset = self.files.get(request.path_params["path"])
        if asset is None or request.path_params["version"] != self.version:
            raise HTTPException(404)
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.compressed, media_type=asset.media_type, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)


def load_assets(folder: Path = STATIC) -> Assets:
    paths = (
        path for path in sorted(folder.rglob("*")) if path.is_file() and "node_modules" not in path.parts
    )
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.name not in SOURCES
    }
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    files = {name: _asset(name, content) for name, content in contents.items()}
    return Assets(digest.hexdigest()[:12], files)


def _asset(name: str, content: bytes) -> Asset:
    media_type = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(media_type, content, gzip.compress(content, 9, mtime=0))
