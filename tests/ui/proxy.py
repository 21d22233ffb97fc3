"""From a free TCP port to the socket of a server's data folder, behind which everything is allowed: so the pages can be looked
at without an account. Streams pass through as they come."""
import socket
import socketserver
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.socket(socket.AF_UNIX) as up:
            up.connect(self.server.to)
            threading.Thread(target=pump, args=(up, self.request), daemon=True).start()
            pump(self.request, up)


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, to, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.to = str(to)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"
