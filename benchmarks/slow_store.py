"""A store of S3 that takes its time for each answer: all of it waiting, as of one far away.

It knows no more of S3 than listing a folder and reading an object, and takes little of the machine
that is shared with whom it answers: moto's would be what is measured.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from worker import serve

_WHEN = "2020-01-01T00:00:00.000Z"


class Store:
    """Objects by their path, `/bucket/name`."""

    def __init__(self, objects: dict[str, bytes], delay_s: float) -> None:
        self._objects = objects
        self._delay_s = delay_s

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers all that comes over one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                await asyncio.sleep(self._delay_s)
                method, target, _ = head.split(" ", 2)
                status, body = self._found(target)
                lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", 'ETag: "1"']
                writer.write("\r\n".join([*lines, "", ""]).encode())
                writer.write(b"" if method == "HEAD" else body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _found(self, target: str) -> tuple[str, bytes]:
        url = urlsplit(target)
        path, query = unquote(url.path), parse_qs(url.query)
        if "list-type" in query:
            return "200 OK", self._listing(path.strip("/"), query.get("prefix", [""])[0])
        if path in self._objects:
            return "200 OK", self._objects[path]
        return "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>"

    def _listing(self, bucket: str, prefix: str) -> bytes:
        start = f"/{bucket}/"
        found = "".join(
            f"<Contents><Key>{escape(path[len(start) :])}</Key><Size>{len(content)}</Size>"
            f"<LastModified>{_WHEN}</LastModified><ETag>1</ETag></Contents>"
            for path, content in self._objects.items()
            if path.startswith(start + prefix)
        )
        return f"<ListBucketResult>{found}</ListBucketResult>".encode()


def main() -> None:
    """Serves the MIDI files of a folder: all in `songs`, and the first of them in `few`."""
    folder, few, delay_ms = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    files = sorted(folder.rglob("*.mid"))
    objects = {
        f"/bucket/{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for name, some in (("songs", files), ("few", files[:few]))
        for path in some
    }
    loop = asyncio.new_event_loop()
    store = Store(objects, delay_ms / 1000)
    server = loop.run_until_complete(asyncio.start_server(store.answer, "127.0.0.1", 0))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    serve(server.sockets[0].getsockname()[1], lambda _: None)


if __name__ == "__main__":
    main()
