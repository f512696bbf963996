#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: small_hub.py FOLDER PORT_FILE

A model hub on the loopback: the folders of FOLDER as repositories small/<name>, listed and served as
huggingface.co does it, weights by SHA-256 and the rest by git's hash. Ends by itself after a minute."""
import hashlib
import http.server
import json
import pathlib
import sys
import threading

root = pathlib.Path(sys.argv[1])


def entry(repository, path):
    data = path.read_bytes()
    row = {"type": "file", "path": str(path.relative_to(repository)), "size": len(data),
           "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
    if path.suffix == ".safetensors":
        row["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return row


class Hub(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name = parts[3] if api else parts[1]
        repository = root / name
        if (parts[2] if api else parts[0]) != "small" or not repository.is_dir():
            return self.answer(404)
        if api:
            rows = [entry(repository, p) for p in sorted(repository.rglob("*")) if p.is_file()]
            return self.answer(200, json.dumps(rows).encode())
        data = repository.joinpath(*parts[4:]).read_bytes()
        tag = '"%s"' % hashlib.md5(data).hexdigest()
        wanted = self.headers.get("Range")
        if not wanted:
            return self.answer(200, data, ETag=tag)
        first, last = wanted.removeprefix("bytes=").split("-")
        first, last = int(first), min(int(last or len(data)), len(data) - 1)
        self.answer(206, data[first:last + 1], ETag=tag,
                    Content_Range=f"bytes {first}-{last}/{len(data)}")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
pathlib.Path(sys.argv[2]).write_text(str(server.server_port))
threading.Timer(60, server.shutdown).start()
server.serve_forever()
