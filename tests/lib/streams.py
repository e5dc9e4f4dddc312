"""TCP connections to a server as a test wants them (slow, half-closed, not reading), and network namespaces of a test's own."""

import ctypes
import fcntl
import os
import socket
import struct
import time
import traceback

import wire

CLONE_NEWNET = 0x40000000


def frame(message):
    return struct.pack('!H', len(message)) + message


class Stream:
    """One connection that speaks length-prefixed messages."""

    def __init__(self, server, address=None, timeout_s=5.0, receive_buffer=None):
        address = address or server.address
        self.socket = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((address, server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b''

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, *messages):
        self.send(b''.join(frame(message) for message in messages))

    def receive(self):
        """The next message, or None at the end of the stream (a reset counts as one)."""
        while len(self.buffer) < 2 or len(self.buffer) < 2 + struct.unpack_from('!H', self.buffer)[0]:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            self.buffer += data
        length = struct.unpack_from('!H', self.buffer)[0]
        message, self.buffer = self.buffer[2:2 + length], self.buffer[2 + length:]
        return message

    def answer(self):
        """The next message, parsed; fails at the end of the stream."""
        message = self.receive()
        assert message is not None, 'the server closed the connection'
        return wire.parse(message)

    def is_closed_within(self, seconds):
        """Whether the server ends the connection in that time (what it sends before is thrown away)."""
        return self.seconds_until_closed(seconds) is not None

    def seconds_until_closed(self, limit_s):
        began = time.monotonic()
        while time.monotonic() - began < limit_s:
            self.socket.settimeout(max(0.01, limit_s - (time.monotonic() - began)))
            try:
                if not self.socket.recv(65536):
                    return time.monotonic() - began
            except socket.timeout:
                return None
            except OSError:
                return time.monotonic() - began
        return None

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def set_loopback(mtu=None):
    """Brings the loopback interface of this namespace up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = b'lo'.ljust(16, b'\0')
        if mtu:
            fcntl.ioctl(control, 0x8922, name + struct.pack('i', mtu).ljust(24, b'\0'))  # SIOCSIFMTU
        fcntl.ioctl(control, 0x8914, name + struct.pack('h', 0x1 | 0x8 | 0x40).ljust(24, b'\0'))  # SIOCSIFFLAGS: up


def in_namespace(function, mtu=None):
    """Runs function() in a child process with a network of its own, nothing but a loopback interface. None: no such right here;
    '': it returned; else the text of what it raised."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        text = ''
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                os._exit(2)
            set_loopback(mtu)
            function()
        except BaseException:
            text = traceback.format_exc()
        with os.fdopen(write_end, 'w') as out:
            out.write(text)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as result:
        text = result.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 2:
        return None
    return text
