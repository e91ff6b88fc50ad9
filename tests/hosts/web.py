"""A web server on a test host's loopback, for the cases of modules that fetch: `WEB` starts it, once a host.

It serves /srv/t/www with conditional requests, and
    /moved/PATH    a redirect to /PATH; /round/ to itself
    /private/PATH  wants basic authentication: ada, lovelace
    /echo          method, headers and body of the request, as JSON
    /status/N      an answer with the status N
    /cut           half of the promised body; /silent nothing at all
    /named         a file whose name is in Content-Disposition
"""

from __future__ import annotations

PORT = 8099
URL = f"http://127.0.0.1:{PORT}"

_SERVER = r"""
import base64, json, os, sys, time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *given):
        super().__init__(*given, directory="/srv/t/www")

    def log_message(self, *said):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        try:
            self.take()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def take(self):
        first, _, rest = self.path.lstrip("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if first == "moved":
            self.answer(302, Location="/" + rest)
        elif first == "round":
            self.answer(302, Location="/round/")
        elif first == "private":
            if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"ada:lovelace").decode():
                self.answer(401, b"who are you?", WWW_Authenticate='Basic realm="private"')
            else:
                self.path = "/" + rest
                super().do_GET()
        elif first == "echo":
            headers = {name: value for name, value in self.headers.items() if name != "If-Modified-Since"}
            said = {"method": self.command, "body": body.decode(), "headers": headers}
            kind = {"Content_Type": "application/json", "Set_Cookie": "a=b; Path=/"}
            self.answer(200, json.dumps(said).encode(), **kind)
        elif first == "status":
            self.answer(int(rest), b"because\n")
        elif first == "silent":
            time.sleep(5)
        elif first == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 500)
        elif first == "named":
            self.answer(200, b"named\n", Content_Disposition='attachment; filename="../given.txt"')
        elif self.command == "HEAD":
            super().do_HEAD()
        else:
            super().do_GET()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

WEB = f"""mkdir -p www
cat > /run/web.py <<'END'
{_SERVER.strip()}
END
if ! python3 -c 'import socket; socket.create_connection(("127.0.0.1", {PORT}))' 2>/dev/null; then
    setsid -f python3 /run/web.py {PORT} </dev/null >/dev/null 2>&1
    until python3 -c 'import socket; socket.create_connection(("127.0.0.1", {PORT}))' 2>/dev/null; do :; done
fi
"""
