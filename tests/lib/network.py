"""A network of its own for tests: a namespace with nothing in it but the addresses of its servers and clients.

enter() moves the calling process, and with it all that it starts later, into a new network namespace; Unavailable says why that cannot be had.
Packets to BLACKHOLE addresses vanish as those to a dead host do; an address of `add` on which nobody listens is a host without a server.
"""

import ctypes
import os
import subprocess

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
BLACKHOLE_IPV4, BLACKHOLE_IPV6 = '61.0.0.0/8', '2a00:61::/32'


class Unavailable(Exception):
    pass


def enter():
    """Leaves the network of the machine for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        if user == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            raise Unavailable('no network namespace can be made here: %s' % reason)
        _become_root(user, group)
    _ip('link set lo up')
    _ip('route add %s dev lo' % BLACKHOLE_IPV4, '-6 route add %s dev lo' % BLACKHOLE_IPV6)


def _become_root(user, group):
    for name, text in (('setgroups', 'deny'), ('uid_map', '0 %d 1' % user), ('gid_map', '0 %d 1' % group)):
        with open('/proc/self/' + name, 'w') as control:
            control.write(text)


def _ip(*commands):
    for command in commands:
        run = subprocess.run(['ip', *command.split()], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unavailable('ip %s: %s' % (command, run.stderr.strip()))


def add(addresses):
    """Gives the namespace these IPv4 and IPv6 addresses."""
    lines = ['addr replace %s/128 dev lo nodad' % address if ':' in address else 'addr replace %s/32 dev lo' % address for address in addresses]
    run = subprocess.run(['ip', '-batch', '-'], input='\n'.join(lines) + '\n', capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise Unavailable('ip addr add: ' + run.stderr.strip())
