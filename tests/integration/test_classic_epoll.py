#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""epoll over sockets of servers that speak the classic protocol only."""
import shutil
import sys

import harness
from test_classic import PY, on_each, prints, run

START = """
import errno, os, select, socket, threading
IN, OUT, ET, ONESHOT = (select.EPOLLIN, select.EPOLLOUT, select.EPOLLET,
                        select.EPOLLONESHOT)
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(16)
def pair():
    c = socket.create_connection(s.getsockname())
    return c, s.accept()[0]
def names(events, **members):
    by_number = {m.fileno(): name for name, m in members.items()}
    return sorted((by_number[fd], bits) for fd, bits in events)
def attempt(what, *args):
    try:
        return what(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
ep = select.epoll()
"""


def python(url, text, expected):
    prints(run(url, [PY, "-c", START + text]), expected)


def levels_edges_and_single_shots(url):
    python(url, """
c, a = pair()
ep.register(a, IN)
print(ep.poll(0))
c.send(b"abc")
print(names(ep.poll(), a=a), names(ep.poll(), a=a))
a.recv(2)
print(names(ep.poll(), a=a))
a.recv(2)
print(ep.poll(0.01))
ep.modify(a, IN | OUT)
print(names(ep.poll(), a=a))
ep.modify(a, IN | ET)
c.send(b"more")
print(names(ep.poll(), a=a), ep.poll(0.01))
a.setblocking(False)
print(a.recv(10), attempt(a.recv, 1), ep.poll(0.01))
c.send(b"again")
print(names(ep.poll(), a=a))
ep.modify(a, IN | ONESHOT)
print(names(ep.poll(), a=a), ep.poll(0.01))
ep.modify(a, IN)
print(names(ep.poll(), a=a))
c.close()
a.recv(100)
print(names(ep.poll(), a=a))
""", "[]\n[('a', 1)] [('a', 1)]\n[('a', 1)]\n[]\n[('a', 4)]\n[('a', 1)] []\n"
           "b'more' EAGAIN []\n[('a', 1)]\n[('a', 1)] []\n[('a', 1)]\n"
           "[('a', 1)]\n")


def an_edge_for_room_to_write(url):
    python(url, """
c, a = pair()
ep.register(c, OUT | ET)
print(names(ep.poll(), c=c), ep.poll(0.01))
c.setblocking(False)
size = 0
while (n := attempt(c.send, bytes(100000))) != "EAGAIN":
    size += n
print(ep.poll(0.01))
def drain():
    left = size
    while left > 0:
        left -= len(a.recv(1 << 20))
t = threading.Thread(target=drain)
t.start()
print(names(ep.poll(), c=c))
t.join()
""", "[('c', 4)] []\n[]\n[('c', 4)]\n")


def members_of_both_kernels(url):
    """Neither keeps the other's events back."""
    python(url, """
c, a = pair()
r, w = os.pipe()
class Pipe:
    fileno = staticmethod(lambda: r)
ep.register(a, IN)
ep.register(r, IN)
os.write(w, b"x")
print(names(ep.poll(), r=Pipe))
c.send(b"y")
while len(found := names(ep.poll(), a=a, r=Pipe)) < 2:
    pass
print(found)
first = {names(ep.poll(maxevents=1), a=a, r=Pipe)[0][0] for _ in range(8)}
print(sorted(first))
os.read(r, 1)
print(names(ep.poll(), a=a))
t = threading.Thread(target=lambda: os.write(w, b"z"))
a.recv(1)
t.start()
print(names(ep.poll(), r=Pipe))
t.join()
""", "[('r', 1)]\n[('a', 1), ('r', 1)]\n['a', 'r']\n[('a', 1)]\n[('r', 1)]\n")


def what_epoll_ctl_says(url):
    python(url, """
c, a = pair()
ep.register(a, IN)
print(attempt(ep.register, a, IN), attempt(ep.modify, c, IN),
      attempt(ep.unregister, c))
file = open("/rump/tmp/file", "w")
print(attempt(ep.register, file, IN))
d = os.dup(a.fileno())
ep.register(d, OUT)
print(sorted(bits for _, bits in ep.poll()))
a.close()
print(len(ep.poll()))
os.close(d)
print(ep.poll(0), c.recv(1))
e = select.epoll.fromfd(os.dup(ep.fileno()))
ep.register(c, IN)
print(names(e.poll(), c=c))
e.unregister(c)
print(attempt(ep.unregister, c), ep.poll(0))
os.unlink("/rump/tmp/file")
""", "EEXIST ENOENT ENOENT\nEPERM\n[4]\n1\n[] b''\n[('c', 1)]\nENOENT []\n")


def changes_while_a_thread_waits(url):
    """It learns of new members, of edges that come back, and of none that
    another thread has taken."""
    python(url, """
c, a = pair()
got = []
def waiting(*args):
    t = threading.Thread(target=lambda: got.append(ep.poll(*args)))
    t.start()
    return t
def done(t):
    t.join()
    print(names(got.pop(), a=a, c=c))
c.send(b"1")
t = waiting()
ep.register(a, IN)
done(t)
a.setblocking(False)
ep.modify(a, IN | ET)
print(names(ep.poll(), a=a))
t = waiting()
print(a.recv(10), attempt(a.recv, 1))
c.send(b"2")
done(t)
a.recv(10)
ep.modify(a, IN | ONESHOT)
threads = [waiting() for _ in range(4)]
for n in range(4):
    c.send(b"3")
    while not got:
        pass
    print(len(got), names(got.pop(), a=a), len(a.recv(10)))
    ep.modify(a, IN | ONESHOT)
[t.join() for t in threads]
""", "[('a', 1)]\n[('a', 1)]\nb'1' EAGAIN\n[('a', 1)]\n" +
           "1 [('a', 1)] 1\n" * 4)


def a_forked_child(url):
    python(url, """
c, a = pair()
ep.register(a, IN)
c.send(b"x")
pid = os.fork()
if pid == 0:
    ok = names(ep.poll(), a=a) == [("a", 1)] and a.recv(1) == b"x"
    os._exit(0 if ok and ep.poll(0) == [] else 1)
print(os.waitpid(pid, 0)[1], ep.poll(0))
c.send(b"y")
print(names(ep.poll(), a=a))
""", "0 []\n[('a', 1)]\n")


def a_signal(url):
    python(url, """
import signal
class Alarm(Exception): pass
def handler(*_):
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Alarm
signal.signal(signal.SIGALRM, handler)
ep.register(s, IN)
try:
    # The first may come before the wait.
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    ep.poll()
except Alarm:
    pass
c = socket.create_connection(s.getsockname())
print(names(ep.poll(), s=s))
""", "[('s', 1)]\n")


def without_a_number_left(url):
    """Waits need a descriptor of their own, and do without."""
    python(url, """
import resource
c, a = pair()
r, w = os.pipe()
ep.register(a, IN)
ep.register(r, IN)
p = select.poll()
p.register(a, IN)
p.register(r, IN)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
while isinstance(attempt(os.dup, r), int):
    pass
print(len(ep.poll(0.01)), len(p.poll(10)))
for fd in c.fileno(), w:
    def write():
        os.write(fd, b"x")
    t = threading.Timer(0.02, write)
    t.start()
    (ready, _), = ep.poll()
    print(p.poll() == [(ready, 1)])
    t.join()
    os.read(ready, 1)
""", "0 0\nTrue\nTrue\n")


def a_set_in_a_set_is_refused(url):
    """Not waited for in vain."""
    python(url, """
outer, inner = select.epoll(), select.epoll()
outer.register(inner, IN)
inner.register(s, IN)
other, p = select.epoll(), select.poll()
p.register(inner, IN)
print(attempt(other.register, inner, IN), attempt(p.poll),
      attempt(select.select, [inner], [], []))
""", "ENOTSUP ENOTSUP ENOTSUP\n")


ECHO = """
import asyncio
async def main():
    async def echo(r, w):
        while data := await r.read(65536):
            w.write(data)
            await w.drain()
        w.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    async def one(n):
        r, w = await asyncio.open_connection(*address)
        data = bytes([n]) * 200000
        w.write(data)
        assert await r.readexactly(len(data)) == data
        w.close()
    await asyncio.gather(*(one(n) for n in range(10)))
    print("done")
asyncio.run(main())
"""

NODE = """
const http = require("http");
const s = http.createServer((q, r) => {
    let n = 0;
    q.on("data", d => n += d.length);
    q.on("end", () => r.end("" + n));
}).listen(0, "127.0.0.1", () => {
    const options = { port: s.address().port, host: "127.0.0.1",
                      method: "POST" };
    let sum = 0, left = 5;
    for (let i = 1; i <= 5; i++)
        http.request(options, r => {
            r.on("data", d => sum += +d);
            r.on("end", () => {
                if (--left == 0) {
                    console.log(sum);
                    process.exit();
                }
            });
        }).end(Buffer.alloc(100000 * i));
});
"""

CURL = """
import http.server, subprocess, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 500000)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = "http://127.0.0.1:%d/" % server.server_address[1]
done = subprocess.run(["curl", "-sS", "-Z", url, url], capture_output=True)
print(len(done.stdout), done.returncode)
"""


def event_loops(url):
    prints(run(url, [PY, "-c", ECHO]), "done\n")
    if shutil.which("curl"):
        prints(run(url, [PY, "-c", CURL]), "1000000 0\n")
    if shutil.which("node"):
        prints(run(url, ["node", "-e", NODE]), "1500000\n")


if __name__ == "__main__":
    sys.exit(harness.run([
        ("levels, edges and single shots",
         on_each(levels_edges_and_single_shots)),
        ("an edge for room to write", on_each(an_edge_for_room_to_write)),
        ("members of both kernels", on_each(members_of_both_kernels)),
        ("what epoll_ctl says", on_each(what_epoll_ctl_says)),
        ("changes while a thread waits",
         on_each(changes_while_a_thread_waits)),
        ("a forked child", on_each(a_forked_child)),
        ("a signal", on_each(a_signal)),
        ("without a number left", on_each(without_a_number_left)),
        ("a set in a set is refused", on_each(a_set_in_a_set_is_refused)),
        ("event loops", on_each(event_loops)),
    ]))
