#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Language runtimes, TLS and large servers with rump sockets (--net sockin).

As test_network.py does: server and client native, each hijacked alone, both
hijacked; what the client says must not differ.  A case here may bring files
for its programs; {p} is the port and {d} the directory of the files.
"""
import contextlib
import functools
import os
import pwd
import shutil
import subprocess
import sys

import harness
from ganesha import free_ports
from test_network import (NET, PY, compare, files, fill, listening, server,
                          wait_for)

NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {d}/nginx.pid;
error_log {d}/nginx.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path {d}/body;
	proxy_temp_path {d}/proxy;
	fastcgi_temp_path {d}/fastcgi;
	uwsgi_temp_path {d}/uwsgi;
	scgi_temp_path {d}/scgi;
	sendfile on;
	gzip on;
	gzip_types text/plain;
	types { text/plain txt; }
	default_type text/plain;
	server {
		listen 127.0.0.1:{p};
		root {d};
		location /again { proxy_pass http://127.0.0.1:{p}/; }
		location /say { return 200 "$request_method $remote_addr\\n"; }
	}
}
"""
NODE_SERVER = """
const http = require('http');
http.createServer((q, r) => {
  let n = 0;
  q.on('data', (d) => { n += d.length; });
  q.on('end', () => {
    r.setHeader('X-Path', q.url);
    r.end(`${q.method} ${q.url} ${n} ${q.socket.remoteFamily}\\n` +
        'x'.repeat(100000));
  });
}).listen({p}, '127.0.0.1');
"""
NODE_CLIENT = """
const http = require('http'), net = require('net'), dns = require('dns');
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
function get(i) {
  return new Promise((done, fail) => {
    const q = http.request({ host: '127.0.0.1', port: {p}, agent,
        method: i % 2 ? 'POST' : 'GET', path: '/' + i }, (r) => {
      let text = '';
      r.on('data', (d) => { text += d; });
      r.on('end', () => done([r.statusCode, r.headers['x-path'],
          text.length, text.split('\\n')[0]].join(' ')));
    });
    q.on('error', fail);
    q.end(i % 2 ? 'y'.repeat(i * 10000) : undefined);
  });
}
(async () => {
  const all = await Promise.all([...Array(30).keys()].map(get));
  console.log(all.join('\\n'));
  console.log((await (await fetch('http://127.0.0.1:{p}/f')).text()).length);
  console.log(await dns.promises.lookup('localhost', { family: 4 }));
  await new Promise((done) => net.connect(1, '127.0.0.1')
      .on('error', (e) => { console.log(e.code); done(); }));
  const u = require('dgram').createSocket('udp4');
  u.on('message', (m, a) => { console.log(String(m), a.size); u.close(); });
  u.bind(0, '127.0.0.1', () => u.send('to myself', u.address().port,
      '127.0.0.1'));
  agent.destroy();
})();
"""
JAVA_SERVER = """
import com.sun.net.httpserver.*;
import java.net.*;
import java.nio.*;
import java.nio.channels.*;
import java.util.concurrent.*;

public class Server {
    static void serve(ServerSocketChannel ls) throws Exception {
        Selector sel = Selector.open();
        ls.configureBlocking(false);
        ls.register(sel, SelectionKey.OP_ACCEPT);
        ByteBuffer b = ByteBuffer.allocateDirect(65536);
        for (;;) {
            sel.select();
            var keys = sel.selectedKeys().iterator();
            while (keys.hasNext()) {
                SelectionKey k = keys.next();
                keys.remove();
                if (k.isAcceptable()) {
                    SocketChannel c = ls.accept();
                    c.configureBlocking(false);
                    c.register(sel, SelectionKey.OP_READ);
                    continue;
                }
                SocketChannel c = (SocketChannel) k.channel();
                b.clear();
                if (c.read(b) < 0) {
                    c.close();
                    continue;
                }
                b.flip();
                while (b.hasRemaining())
                    c.write(b);
            }
        }
    }
    public static void main(String[] args) throws Exception {
        var address = InetAddress.getByName("127.0.0.1");
        HttpServer http = HttpServer.create(
            new InetSocketAddress(address, 0), 10);
        http.createContext("/", x -> {
            byte[] in = x.getRequestBody().readAllBytes();
            byte[] out = (x.getRequestMethod() + " " + in.length).getBytes();
            x.sendResponseHeaders(200, out.length);
            x.getResponseBody().write(out);
            x.close();
        });
        http.setExecutor(Executors.newFixedThreadPool(4));
        http.start();
        Thread echo = new Thread(() -> {
            try {
                ServerSocketChannel ls = ServerSocketChannel.open();
                ls.bind(new InetSocketAddress(address, 0));
                int port = ls.socket().getLocalPort();
                ServerSocket tell = new ServerSocket({p}, 50, address);
                new Thread(() -> {
                    try {
                        for (;;)
                            try (Socket s = tell.accept()) {
                                s.getOutputStream().write((port + " " +
                                    http.getAddress().getPort() + "\\n")
                                    .getBytes());
                            }
                    } catch (Exception e) { e.printStackTrace(); }
                }).start();
                serve(ls);
            } catch (Exception e) { e.printStackTrace(); }
        });
        echo.start();
    }
}
"""
JAVA_CLIENT = """
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.util.*;

public class Client {
    static int echo(int port, int n) throws Exception {
        try (Socket s = new Socket("127.0.0.1", port)) {
            s.setTcpNoDelay(true);
            s.setSoTimeout(20000);
            byte[] out = new byte[n];
            Arrays.fill(out, (byte) n);
            Thread t = new Thread(() -> {
                try {
                    s.getOutputStream().write(out);
                    s.shutdownOutput();
                } catch (IOException e) { e.printStackTrace(); }
            });
            t.start();
            byte[] in = s.getInputStream().readAllBytes();
            t.join();
            return Arrays.equals(in, out) ? n : -1;
        }
    }
    public static void main(String[] args) throws Exception {
        String[] ports;
        try (Socket s = new Socket("127.0.0.1", {p})) {
            ports = new BufferedReader(new InputStreamReader(
                s.getInputStream())).readLine().split(" ");
        }
        for (int n : new int[] { 1, 1000, 100000, 3000000 })
            System.out.println(echo(Integer.parseInt(ports[0]), n));
        HttpClient c = HttpClient.newHttpClient();
        for (int i = 0; i < 5; i++) {
            var r = c.send(HttpRequest.newBuilder(URI.create(
                "http://127.0.0.1:" + ports[1] + "/" + i)).POST(
                HttpRequest.BodyPublishers.ofByteArray(new byte[i * 50000]))
                .build(), HttpResponse.BodyHandlers.ofString());
            System.out.println(r.statusCode() + " " + r.body());
        }
        DatagramSocket u = new DatagramSocket(0,
            InetAddress.getByName("127.0.0.1"));
        u.setSoTimeout(100);
        try {
            u.receive(new DatagramPacket(new byte[10], 10));
        } catch (SocketTimeoutException e) {
            System.out.println(e.getMessage());
        }
        u.send(new DatagramPacket("abc".getBytes(), 3,
            u.getLocalSocketAddress()));
        DatagramPacket p = new DatagramPacket(new byte[10], 10);
        u.receive(p);
        System.out.println(p.getLength() + " " + p.getAddress());
        try {
            new Socket("127.0.0.1", 1).close();
        } catch (ConnectException e) {
            System.out.println(e.getMessage());
        }
        for (var a : InetAddress.getAllByName("localhost"))
            System.out.println(a);
        System.exit(0);
    }
}
"""
PERL_SERVER = """
use strict; use IO::Socket::IP; use IO::Select;
my $l = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => {p},
    Listen => 10, ReuseAddr => 1) or die $@;
my $set = IO::Select->new($l);
while (my @ready = $set->can_read) {
    for my $s (@ready) {
        if ($s == $l) { $set->add($l->accept); next; }
        my $n = sysread($s, my $b, 8192);
        if (!$n) { $set->remove($s); close $s; next; }
        my $o = 0;
        $o += syswrite($s, uc($b), length($b) - $o, $o) while $o < length $b;
    }
}
"""
PERL_CLIENT = """
use strict; use IO::Socket::INET; use Socket;
for my $k (1 .. 10) {
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:{p}", Timeout => 10)
        or die $@;
    print $s "line $_ of $k\\n" for 1 .. 100 * $k;
    $s->flush; shutdown $s, 1;
    my $n = 0; my $last;
    while (<$s>) { $n++; $last = $_; }
    print "$n $last", $s->peerhost, " ", $s->connected ? 1 : 0, "\\n";
}
print inet_ntoa(scalar gethostbyname 'localhost'), "\\n";
my $u = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1');
$u->send('datagram', 0, $u->sockname); $u->recv(my $b, 100); print "$b\\n";
print IO::Socket::INET->new(PeerAddr => '127.0.0.1:1') ? '' : "$!\\n";
"""
RUBY_SERVER = """
require 'socket'
s = TCPServer.new('127.0.0.1', {p})
loop do
  Thread.start(s.accept) do |c|
    while (line = c.gets)
      c.puts line.reverse.strip
    end
    c.close
  end
end
"""
RUBY_CLIENT = """
require 'socket'
t = (1..8).map do |k|
  Thread.new do
    s = TCPSocket.new('127.0.0.1', {p})
    r = (1..50).map { |i| s.puts "#{k} #{i}"; s.gets }
    s.close_write
    [r.join, s.read]
  end
end
t.each { |x| p x.value }
begin
  Socket.tcp('127.0.0.1', 1, connect_timeout: 5)
rescue SystemCallError => e
  puts e.message
end
u = UDPSocket.new; u.bind('127.0.0.1', 0); u.send('hi', 0, '127.0.0.1', u.addr[1])
puts u.recvfrom(10)[0]
p IO.select([u], nil, nil, 0.05)
"""
LUA_SERVER = """
local socket = require 'socket'
local l = assert(socket.bind('127.0.0.1', {p}))
while true do
  local c = l:accept()
  local n = 0
  while true do
    local line, e = c:receive()
    if e then break end
    n = n + #line
    c:send(line:rep(2) .. '\\n')
  end
  c:close()
end
"""
LUA_CLIENT = """
local socket = require 'socket'
local http = require 'socket.http'
for k = 1, 5 do
  local c = assert(socket.connect('127.0.0.1', {p}))
  c:settimeout(120)
  for i = 1, 50 do c:send(k .. ' ' .. i .. '\\n'); print(c:receive()) end
  c:close()
end
print(socket.connect('127.0.0.1', 1))
print((socket.dns.toip('localhost')))
"""
FTP = """
import socketserver, socket, sys
class H(socketserver.StreamRequestHandler):
    def say(self, text): self.wfile.write(text.encode() + b'\\r\\n')
    def data(self):
        c = self.passive.accept()[0]; self.passive.close(); return c
    def handle(self):
        files = {'a': b'one\\r\\ntwo\\r\\n', 'b': bytes(range(256)) * 4000}
        self.say('220 ready')
        for line in self.rfile:
            verb, _, arg = line.decode().strip().partition(' ')
            if verb == 'USER': self.say('331 password')
            elif verb == 'PASS': self.say('230 in')
            elif verb == 'TYPE': self.say('200 type')
            elif verb in ('PASV', 'EPSV'):
                self.passive = socket.create_server(
                    (self.request.getsockname()[0], 0))
                n = self.passive.getsockname()[1]
                self.say('229 (|||%d|)' % n if verb == 'EPSV' else
                         '227 (127,0,0,1,%d,%d)' % (n >> 8, n & 255))
            elif verb in ('RETR', 'NLST'):
                self.say('150 comes'); c = self.data()
                c.sendall(files[arg] if verb == 'RETR' else
                          b''.join(n.encode() + b'\\r\\n' for n in files))
                c.close(); self.say('226 done')
            elif verb == 'STOR':
                self.say('150 send'); c = self.data(); files[arg] = b''
                while b := c.recv(65536): files[arg] += b
                c.close(); self.say('226 done')
            elif verb == 'QUIT': self.say('221 bye'); return
            else: self.say('502 no ' + verb)
class S(socketserver.ThreadingTCPServer):
    allow_reuse_address = True; daemon_threads = True
S(('127.0.0.1', {p}), H).serve_forever()
"""
FTP_CLIENT = """
import ftplib, io, hashlib
f = ftplib.FTP(); print(f.connect('127.0.0.1', {p}, timeout=120))
print(f.login('me', 'secret'), f.nlst())
for n in ('a', 'b'):
    b = io.BytesIO(); print(f.retrbinary('RETR ' + n, b.write))
    print(hashlib.sha1(b.getvalue()).hexdigest())
print(f.storbinary('STOR c', io.BytesIO(b'z' * 1000000)), sorted(f.nlst()))
f.set_pasv(True); n = []; f.retrbinary('RETR c', lambda x: n.append(len(x)))
print(sum(n))
try: f.sendcmd('NOOP')
except ftplib.error_perm as e: print(e)
print(f.quit())
"""
XMLRPC = """
import xmlrpc.server
s = xmlrpc.server.SimpleXMLRPCServer(('127.0.0.1', {p}), logRequests=False)
s.register_function(pow); s.register_function(lambda l: sorted(l), 'sort')
s.register_introspection_functions(); s.serve_forever()
"""
XMLRPC_CLIENT = """
import xmlrpc.client
with xmlrpc.client.ServerProxy('http://127.0.0.1:{p}/') as s:
    print(s.system.listMethods(), [s.pow(2, i) for i in range(20)])
    print(s.sort(list(range(20000, 0, -1)))[:5])
    try: s.pow('x', 1)
    except xmlrpc.client.Fault as e: print(e)
"""
SMTP = """
import asyncio, warnings; warnings.simplefilter('ignore')
import asyncore, smtpd
class S(smtpd.SMTPServer):
    def process_message(self, peer, mailfrom, rcpttos, data, **kw):
        return '250 %s %s %d' % (mailfrom, rcpttos, len(data))
S(('127.0.0.1', {p}), None); asyncore.loop()
"""
SMTP_CLIENT = """
import smtplib, socket
s = smtplib.SMTP('127.0.0.1', {p}, local_hostname='here', timeout=120)
print(s.ehlo('here')[0], s.mail('a@b'), s.rcpt('c@d'))
print(s.data(b'Subject: x\\r\\n\\r\\n' + b'line\\r\\n' * 20000))
print(s.sendmail('a@b', ['c@d', 'e@f'], 'From: a@b\\r\\n\\r\\ntext\\r\\n'))
print(s.noop(), s.quit())
"""
TLS_ECHO = """
import socketserver, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('{d}/cert.pem', '{d}/key.pem')
class H(socketserver.BaseRequestHandler):
    def handle(self):
        with context.wrap_socket(self.request, server_side=True) as s:
            while b := s.recv(65536): s.sendall(b.swapcase())
            s.unwrap()
class S(socketserver.ThreadingTCPServer):
    allow_reuse_address = True; daemon_threads = True
S(('127.0.0.1', {p}), H).serve_forever()
"""
TLS_CLIENT = """
import ssl, socket, threading, asyncio
c = ssl.create_default_context(cafile='{d}/cert.pem')
def one(k):
    with socket.create_connection(('127.0.0.1', {p}), 20) as s, \\
            c.wrap_socket(s, server_hostname='localhost') as t:
        n = 0
        for i in range(20):
            b = bytes([65 + k]) * (i * 1000 + 1); t.sendall(b)
            got = b''
            while len(got) < len(b): got += t.recv(65536)
            assert got == b.swapcase(); n += len(got)
        out[k] = n, t.version(), t.cipher()[0]; t.unwrap()
out = [None] * 8
ts = [threading.Thread(target=one, args=(k,)) for k in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]; print(out)
async def main():
    r, w = await asyncio.open_connection('127.0.0.1', {p}, ssl=c,
                                         server_hostname='localhost')
    w.write(b'Async' * 50000); out = await r.readexactly(250000)
    print(out == b'aSYNC' * 50000); w.close(); await w.wait_closed()
asyncio.run(main())
try:
    ssl.create_default_context().wrap_socket(socket.create_connection(
        ('127.0.0.1', {p})), server_hostname='localhost')
except ssl.SSLCertVerificationError as e: print(e.verify_message)
"""
SSHD = """
Port {p}
ListenAddress 127.0.0.1
HostKey {d}/hostkey
PidFile none
AuthorizedKeysFile {d}/userkey.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PrintLastLog no
SetEnv SHLVL=5
Subsystem sftp internal-sftp
"""
SSH = ["-F", "none", "-i", "{d}/userkey", "-o", "BatchMode=yes", "-o",
       "UserKnownHostsFile={d}/known", "-o", "StrictHostKeyChecking=no", "-o",
       "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]

SFTP_ROOT = """
set -e
mkdir -p /data/jail/up
chmod 755 /data /data/jail
chown nobody /data/jail/up
echo secret > /data/secret
exec "$1" -D -e -f "$2"
"""
SFTP_COMMANDS = """pwd
ls -1 /
cd up
put {d}/big there
mkdir deep
symlink /up/hard deep/link
rename there deep/moved
ln /up/deep/moved /up/hard
get /up/deep/link {d}/back
-get ../secret
-get /../secret
-get {d}/big
rm deep/link
ls -1 deep
"""
SFTP_SAYS = """sftp> pwd
Remote working directory: /
sftp> ls -1 /
/up
"""

# (name, server's argv, kind, client's argv, files of its own)
CASES = [
    ("nginx in one process", ["nginx", "-e", "{d}/nginx.log", "-c",
                              "{d}/nginx.conf"], "tcp",
     ["curl", "-s", "http://127.0.0.1:{p}/big", "http://127.0.0.1:{p}/small",
      "http://127.0.0.1:{p}/missing", "http://127.0.0.1:{p}/say",
      "--compressed", "http://127.0.0.1:{p}/big", "-r", "100-3000",
      "http://127.0.0.1:{p}/again/big"],
     {"nginx.conf": NGINX}),
    ("node http", ["node", "{d}/server.js"], "tcp",
     ["node", "{d}/client.js"],
     {"server.js": NODE_SERVER, "client.js": NODE_CLIENT}),
    ("java sockets, channels and http", ["java", "{d}/Server.java"], "tcp",
     ["java", "{d}/Client.java"],
     {"Server.java": JAVA_SERVER, "Client.java": JAVA_CLIENT}),
    ("perl IO::Socket", ["perl", "{d}/server.pl"], "tcp",
     ["perl", "{d}/client.pl"],
     {"server.pl": PERL_SERVER, "client.pl": PERL_CLIENT}),
    ("ruby", ["ruby", "{d}/server.rb"], "tcp", ["ruby", "{d}/client.rb"],
     {"server.rb": RUBY_SERVER, "client.rb": RUBY_CLIENT}),
    ("lua", ["lua5.4", "{d}/server.lua"], "tcp",
     ["lua5.4", "{d}/client.lua"],
     {"server.lua": LUA_SERVER, "client.lua": LUA_CLIENT}),
    ("openssl s_server and curl",
     ["openssl", "s_server", "-quiet", "-WWW", "-accept", "127.0.0.1:{p}",
      "-cert", "{d}/cert.pem", "-key", "{d}/key.pem"], "tcp",
     ["curl", "-s", "--cacert", "{d}/cert.pem", "-4",
      "https://localhost:{p}{d}/big", "https://localhost:{p}{d}/small"], {}),
    ("openssl s_server and s_client",
     ["openssl", "s_server", "-quiet", "-WWW", "-accept", "127.0.0.1:{p}",
      "-cert", "{d}/cert.pem", "-key", "{d}/key.pem"], "tcp",
     ["bash", "-c", "exec openssl s_client -quiet -verify_quiet "
      "-verify_return_error -CAfile {d}/cert.pem -connect 127.0.0.1:{p} "
      "-servername localhost < {d}/request"],
     {"request": "GET {d}/big HTTP/1.0\r\n\r\n"}),
    ("python3 TLS", [PY, "{d}/server.py"], "tcp", [PY, "{d}/client.py"],
     {"server.py": TLS_ECHO, "client.py": TLS_CLIENT}),
    ("python3 ftplib", [PY, "{d}/server.py"], "tcp", [PY, "{d}/client.py"],
     {"server.py": FTP, "client.py": FTP_CLIENT}),
    ("python3 xmlrpc", [PY, "{d}/server.py"], "tcp", [PY, "{d}/client.py"],
     {"server.py": XMLRPC, "client.py": XMLRPC_CLIENT}),
    ("python3 smtplib", [PY, "{d}/server.py"], "tcp", [PY, "{d}/client.py"],
     {"server.py": SMTP, "client.py": SMTP_CLIENT}),
]


def certificate(top):
    """A key for localhost, good for today, that signs itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
         f"{top}/key.pem", "-out", f"{top}/cert.pem"],
        check=True, capture_output=True)
    os.chmod(f"{top}/key.pem", 0o644)


def ssh_keys(top):
    for name in ("hostkey", "userkey"):
        if not os.path.exists(f"{top}/{name}"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", f"{top}/{name}"], check=True)
    if os.geteuid() == 0:
        os.chown(f"{top}/userkey", harness.NOBODY, harness.NOBODY)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise harness.Skip(f"{program} is not installed")


@contextlib.contextmanager
def sshd(top):
    """An sshd of the user who runs the tests; yields its port."""
    program = shutil.which("sshd", path="/usr/sbin:/sbin")
    if program is None:
        raise harness.Skip("sshd is not installed")
    need("ssh", "ssh-keygen")
    ssh_keys(top)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    port = free_ports(1)[0]
    with open(f"{top}/sshd_config", "w", encoding="ascii") as f:
        f.write(fill([SSHD], port, top)[0])
    with open(f"{top}/sshd.log", "wb") as log, subprocess.Popen(
            [program, "-D", "-e", "-f", f"{top}/sshd_config"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            wait_for(lambda: listening(port), "sshd")
            yield port
        finally:
            process.terminate()


def ssh_client(top):
    user = pwd.getpwuid(os.geteuid()).pw_name
    with sshd(top) as port:
        for command in ("echo hello; echo oops >&2; exit 7", "cat", "seq 50000",
                        "dd if=/dev/zero bs=1000 count=3000 status=none | "
                        "sha256sum"):
            argv = ["ssh", *fill(SSH, port, top), "-p", str(port),
                    f"{user}@127.0.0.1", command]
            plain = harness.native(argv)
            if plain.returncode == 255 and os.geteuid() != 0:
                raise harness.Skip(f"{user} may not log in: {plain.stderr}")
            harness.check(plain.returncode in (0, 7), str(plain))
            with open(f"{top}/big", "rb") as f:
                harness.same(harness.rumpkit(argv, options=NET),
                             plain, "/nonexistent")
            with open(f"{top}/big", "rb") as f:
                out = harness.rumpkit(argv, options=NET, stdin=f)
                f.seek(0)
                harness.check(command != "cat" or out.stdout == f.read(),
                              "cat through ssh differs")


def sftp_root(top):
    """An sshd of a tree that confines its users to a directory of a mount."""
    program = shutil.which("sshd", path="/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        raise harness.Skip("no sshd, or not root")
    need("sftp", "ssh-keygen")
    ssh_keys(top)
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    port = free_ports(1)[0]
    with open(f"{top}/sftp_config", "w", encoding="ascii") as f:
        f.write(fill([SSHD], port, top)[0] +
                "ChrootDirectory /data/jail\nForceCommand internal-sftp\n")
    with open(f"{top}/sftp_commands", "w", encoding="ascii") as f:
        f.write(fill([SFTP_COMMANDS], port, top)[0])
    with open(f"{top}/sftp.log", "wb") as log, subprocess.Popen(
            [harness.RUMPKIT, "run", "--mount", "/data=tmpfs:", "--", "sh",
             "-c", SFTP_ROOT, "sh", program, f"{top}/sftp_config"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=harness.clean_env()) as process:
        try:
            wait_for(lambda: listening(port), "sshd")
            out = harness.native(["sftp", *fill(SSH, port, top), "-P",
                                  str(port), "-b", f"{top}/sftp_commands",
                                  "nobody@127.0.0.1"])
        finally:
            process.terminate()
    said = out.stdout.decode()
    harness.check(out.returncode == 0 and said.startswith(SFTP_SAYS) and
                  said.endswith("\ndeep/moved\n"), str(out))
    harness.check(out.stderr.count(b"not found") == 3, str(out))
    with open(f"{top}/big", "rb") as big, open(f"{top}/back", "rb") as back:
        harness.check(big.read() == back.read(), "back is not what was put")


def git_http_fetch(top):
    """The process of git that talks: objects fetched from a plain server."""
    helper = "/usr/lib/git-core/git-http-fetch"
    if not os.access(helper, os.X_OK):
        raise harness.Skip("git-http-fetch is not installed")
    need("git")
    env = harness.clean_env(HOME=top, GIT_CONFIG_NOSYSTEM="1")

    def git(*argv):
        return subprocess.run(["git", *argv], env=env, cwd=top, check=True,
                              capture_output=True).stdout.decode().strip()
    git("init", "-q", "origin")
    for i in range(20):
        with open(f"{top}/origin/f{i % 5}", "w", encoding="ascii") as f:
            f.write(f"version {i}\n" * (i * 50 + 1))
        git("-C", "origin", "add", ".")
        git("-C", "origin", "-c", "user.name=n", "-c", "user.email=e@x",
            "commit", "-q", "-m", f"commit {i}")
    git("-C", "origin", "update-server-info")
    head = git("-C", "origin", "rev-parse", "HEAD")
    port = free_ports(1)[0]
    with server([PY, "-m", "http.server", "-b", "127.0.0.1", "-d", top,
                 str(port)], False, port):
        git("init", "-q", "--bare", "copy")
        os.chmod(f"{top}/copy", 0o777)
        subprocess.run(["chmod", "-R", "a+rwX", f"{top}/copy"], check=True)
        out = harness.rumpkit(
            [helper, "-a", head, f"http://127.0.0.1:{port}/origin/.git"],
            options=NET, cwd=f"{top}/copy",
            env=harness.clean_env(GIT_DIR=f"{top}/copy", HOME=top))
        harness.check(out.returncode == 0, str(out))
    env["GIT_CONFIG_COUNT"] = "1"
    env["GIT_CONFIG_KEY_0"] = "safe.directory"
    env["GIT_CONFIG_VALUE_0"] = "*"
    git("-C", "copy", "fsck", "--full")
    harness.check(git("-C", "copy", "log", "--format=%H %T %s", head) ==
                  git("-C", "origin", "log", "--format=%H %T %s"),
                  "the histories differ")


def main():
    with harness.scratch() as top:
        files(top)
        certificate(top)
        cases = [(case[0], functools.partial(compare, case, top))
                 for case in CASES]
        cases += [("ssh to a host's sshd", functools.partial(ssh_client, top)),
                  ("sftp to a root on a mount",
                   functools.partial(sftp_root, top)),
                  ("git-http-fetch", functools.partial(git_http_fetch, top))]
        return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
