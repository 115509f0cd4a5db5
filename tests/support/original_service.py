"""A stand-in for the original service, as far as imports go: none of OpenVoucher's extra fields, no waiting.

What it is asked is kept, and what it answers can be planned. It lives in a thread of the test.
"""

import contextlib
import csv
import email.utils
import http.server
import io
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

KEYS = {"OPENVOUCHER_APP_ID": "an-app", "OPENVOUCHER_APP_TOKEN": "a-secret"}


class OriginalService:
    """`plan`: answers, in their order, that are given instead of the ordinary ones of POST: (status, headers,
    whether the work is taken all the same)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.actions: list[dict[str, Any]] = []
        self.posts: list[str] = []
        self.codes: list[str] = []
        self.gets: list[str] = []
        self.plan: list[tuple[int, dict[str, str], bool]] = []
        # The same for GET, whatever is asked for.
        self.get_plan: list[tuple[int, dict[str, str]]] = []
        self.extra_fields: dict[str, Any] = {}
        # Whether it can cancel and undo.
        self.is_openvoucher = False
        self.openapi: dict[str, Any] | None = None
        # Looks at an action until it has ended.
        self.looks_needed = 2
        self.reports: dict[str, bytes] = {}

    def add_action(
        self, type: str, rows: list[str], failed: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        failed = failed or []
        done = len(rows) - len(failed)
        action = {
            "id": f"aa_{len(self.actions) + 1:018x}",
            "type": type,
            "status": "ENQUEUED",
            "created_at": _show(time.time()),
            "updated_at": _show(time.time()),
            "request_id": "v-0f1",
            "progress": 0,
            "object": "async_action",
            **self.extra_fields,
            "_looks": 0,
            "_result": {
                "message": f"{done} voucher(s) imported successfully, {len(failed)} failed.",
                "failed": failed,
                "done_count": done,
                "failed_count": len(failed),
            },
        }
        self.actions.append(action)
        return action

    def take(self, path: str, query: dict[str, list[str]], content_type: str, body: bytes) -> dict[str, Any]:
        """Do what a POST asks for; its answer."""
        if path.endswith(("/cancel", "/undo")):
            if not self.is_openvoucher:
                return {}
            action = next(action for action in self.actions if action["id"] == path.split("/")[3])
            if path.endswith("/undo"):
                undoing = self.add_action("CAMPAIGN.VOUCHERS_DELETE", [])
                undoing["_result"] = {"message": "Deleted 2 vouchers.", "done_count": 2}
                return {"async_action_id": undoing["id"]}
            action["cancelled"] = True
            return _without_private(action)
        if path.endswith("/vouchers"):
            count = int(query["vouchers_count"][0])
            codes = [f"MADE-{len(self.codes) + number}" for number in range(count)]
            self.codes += codes
            if count == 1:
                return {"id": "v_1", "code": codes[0], "object": "voucher"}
            action = self.add_action("CAMPAIGN.VOUCHERS_GENERATE", codes)
            action["_result"] = {"message": f"Generated {count} vouchers.", "done_count": count}
            return {"async_action_id": action["id"]}
        if path.endswith("/importCSV"):
            rows = [row["Code"] for row in csv.DictReader(io.StringIO(_read_file(content_type, body)))]
            failed = [
                {"code": code, "row": number, "reason": "Bad code"}
                for number, code in enumerate(rows, 1)
                if code.startswith("BAD")
            ]
        else:
            rows = [row["code"] for row in json.loads(body)]
            failed = [{"code": code, "reason": "Bad code"} for code in rows if code.startswith("BAD")]
        self.codes += [code for code in rows if not code.startswith("BAD")]
        kind = "CAMPAIGN.VOUCHERS_IMPORT" if path.startswith("/v1/campaigns/") else "VOUCHERS.IMPORT"
        action = self.add_action(kind + ("_CSV" if path.endswith("CSV") else ""), rows, failed)
        return {"async_action_id": action["id"]}

    def look(self, action: dict[str, Any]) -> dict[str, Any]:
        """The action as a GET shows it, a step further each time."""
        action["_looks"] += 1
        share = min(action["_looks"] / self.looks_needed, 1.0)
        action["progress"] = int(100 * share)
        ending = "FAILED" if action.get("cancelled") else "DONE"
        action["status"] = ending if share == 1 else "IN_PROGRESS"
        shown = _without_private(action)
        shown["result"] = action["_result"] if share == 1 else None
        return shown

    def show_list(self, query: dict[str, list[str]]) -> dict[str, Any]:
        before = query.get("end_date", ["9"])[0]
        limit = int(query.get("limit", ["10"])[0])
        newest = [action for action in reversed(self.actions) if action["created_at"] < before]
        listed = [_without_private(action) for action in newest[:limit]]
        return {"object": "list", "data_ref": "async_actions", "async_actions": listed}


@contextlib.contextmanager
def original_service() -> Iterator[OriginalService]:
    server = _Server(("127.0.0.1", 0), _Handler)
    service = OriginalService(f"http://127.0.0.1:{server.server_address[1]}")
    _Handler.services[server.server_address[1]] = service
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        # Connections are meant to break here.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*_)  # type: ignore[arg-type]


class _Handler(http.server.BaseHTTPRequestHandler):
    services: ClassVar[dict[int, OriginalService]] = {}
    protocol_version = "HTTP/1.1"

    @property
    def service(self) -> OriginalService:
        return self.services[self.server.server_address[1]]  # type: ignore[index]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path in self.service.reports:
            self.service.gets.append(f"{parts.path} with {sorted(self.headers)}")
            self._answer(200, self.service.reports[parts.path], content_type="text/csv")
            return
        if not self._is_allowed():
            return
        self.service.gets.append(parts.path)
        if self.service.get_plan:
            status, headers = self.service.get_plan.pop(0)
            self._answer(status, {"code": status, "message": "Planned"}, headers)
        elif parts.path == "/openapi.json" and self.service.openapi is not None:
            self._answer(200, self.service.openapi)
        elif parts.path == "/v1/async-actions":
            self._answer(200, self.service.show_list(parse_qs(parts.query)))
        else:
            found = [
                action for action in self.service.actions if parts.path == f"/v1/async-actions/{action['id']}"
            ]
            if found:
                self._answer(200, self.service.look(found[0]))
            else:
                self._answer(404, {"code": 404, "key": "not_found", "message": "Resource not found"})

    def do_POST(self) -> None:
        body = self._read_body()
        if body is None:
            # Cut off: nothing of it counts.
            self.close_connection = True
            return
        if not self._is_allowed():
            return
        parts = urlsplit(self.path)
        self.service.posts.append(self.path)
        planned = self.service.plan.pop(0) if self.service.plan else None
        if planned is None or planned[2]:
            answer = self.service.take(
                parts.path, parse_qs(parts.query), self.headers["Content-Type"] or "", body
            )
        if planned is None and not answer:
            self._answer(404, {"code": 404, "key": "not_found", "message": "Resource not found"})
        elif planned is None:
            self._answer(202 if "async_action_id" in answer else 200, answer)
        else:
            status, headers, _ = planned
            self._answer(status, {"code": status, "message": "Planned"}, headers)

    def log_message(self, *_: object) -> None:
        pass

    def _is_allowed(self) -> bool:
        sent = (self.headers["X-App-Id"], self.headers["X-App-Token"])
        if sent == tuple(KEYS.values()):
            return True
        self._answer(401, {"code": 401, "key": "unauthorized", "message": "Unauthorized"})
        return False

    def _read_body(self) -> bytes | None:
        if self.headers["Transfer-Encoding"] == "chunked":
            pieces = []
            while size := int(self.rfile.readline() or b"0", 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            return b"".join(pieces) if self.rfile.readline() else None
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _answer(
        self,
        status: int,
        document: Any,
        headers: dict[str, str] | None = None,
        *,
        content_type: str = "application/json; charset=utf-8",
    ) -> None:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in {
                "Content-Type": content_type,
                "Content-Length": str(len(data)),
                **(headers or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)


def _read_file(content_type: str, body: bytes) -> str:
    """The text of the part `file` of a form."""
    boundary = re.search(r"boundary=(\S+)", content_type)
    assert boundary, content_type
    parts = body.split(b"--" + boundary[1].encode())
    assert parts[0] == b""
    assert parts[-1] == b"--\r\n"
    (part,) = parts[1:-1]
    head, _, content = part.partition(b"\r\n\r\n")
    assert b'name="file"' in head
    return content.removesuffix(b"\r\n").decode()


def _show(seconds: float) -> str:
    moment = email.utils.formatdate(seconds, usegmt=True)
    parsed = email.utils.parsedate_to_datetime(moment)
    return f"{parsed:%Y-%m-%dT%H:%M:%S}.{int(seconds % 1 * 1000):03}Z"


def _without_private(action: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in action.items() if not name.startswith("_")}
