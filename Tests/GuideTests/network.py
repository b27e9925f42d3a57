# The network of guides: a proxy that joins CONNECT to registries of this machine by the names that they are asked for, and a
# web server for files below WEB/HOST. It prints nothing; its port is written to PORT-FILE.
# usage: network.py PORT-FILE CERTIFICATE KEY WEB [HOST=PORT ...]
import functools
import http.server
import os
import socket
import ssl
import sys
import threading
import time

port_file, certificate, key, web = sys.argv[1:5]
ports = {host: int(port) for host, port in (word.split("=") for word in sys.argv[5:])}


class Files(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        self.directory = os.path.join(web, os.path.basename(self.headers.get("Host", "").split(":")[0]))
        return super().translate_path(path)

    def log_message(self, *arguments):
        pass


files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
files.socket = context.wrap_socket(files.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=files.serve_forever, daemon=True).start()


def pump(source, target):
    try:
        while data := source.recv(262144):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data:
            return client.close()
        head += data
    method, address = head.split(b" ")[:2]
    host = address.decode().rsplit(":", 1)[0]
    port = ports.get(host)
    if port is None and os.path.isdir(os.path.join(web, host)):
        port = files.server_address[1]
    if method != b"CONNECT" or port is None:
        client.sendall(b"HTTP/1.1 502 No such host in the world of guides\r\nContent-Length: 0\r\n\r\n")
        return client.close()
    server = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
with open(port_file + ".new", "w") as file:
    file.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)


def follow(parent):
    # Nothing is left running when the tests are killed.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


threading.Thread(target=functools.partial(follow, os.getppid()), daemon=True).start()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
