"""What stands before many a Redis: something that speaks TLS to clients and plain text to the server."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificate:
    """One that vouches for itself, made out to an address of this machine."""

    certificate: Path
    key: Path


def certificate_for(address: str, folder: Path) -> Certificate:
    """A new one; where `openssl` is not to be had, the test is skipped, or fails where `CI` is set."""
    program = shutil.which("openssl")
    if program is None:
        if os.environ.get("CI"):
            raise FileNotFoundError("openssl")
        pytest.skip("no openssl here, which makes the certificate")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    asked = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    named = ("-subj", "/CN=squidie-tests", "-addext", f"subjectAltName=IP:{address}")
    files = ("-keyout", str(made.key), "-out", str(made.certificate))
    subprocess.run([program, *asked, *named, *files], check=True, capture_output=True)
    return made


class Terminator:
    """Takes TLS connections, and passes on what comes in the clear."""

    def __init__(self, server: tuple[str, int], own: Certificate) -> None:
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        self.versions: list[str | None] = []
        """Of the connections that were made."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Break all connections."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[plain], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            client = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()  # a client that does not trust us
            return
        server = socket.create_connection(self._server)
        self._sockets += [client, server]
        self.versions.append(client.version())
        threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
        _pass_on(client, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
