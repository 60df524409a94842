#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that touch nothing routed run unharmed under the preload.

compat.py LIBRARY CASE      run one case
compat.py LIBRARY           run all of them

Each case is a shell script (or a program source) that runs twice, without and
with the library preloaded, in directories of its own; output and exit status
must be the same.  Exit status 77: a program that the case needs is absent.
"""
import atexit
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

SKIP = 77
TIMEOUT = 300

C_EXIT = r"""
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *main_gone(void *arg) { puts("thread outlives main"); return arg; }
int main(void) {
    pthread_t t;
    pthread_create(&t, NULL, main_gone, NULL);
    pthread_exit(NULL);
}
"""

C_SETUID = r"""
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fds[2];
static void *reader(void *arg) {
    char c;
    long n = read(fds[0], &c, 1);
    printf("read %ld uid %ld\n", n, syscall(SYS_getuid) == getuid() ? 0L : 1L);
    return NULL;
}
int main(void) {
    pthread_t t[4];
    if (pipe(fds) != 0) return 1;
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, reader, NULL);
    int r = setuid(getuid() == 0 ? 65534 : getuid());
    if (write(fds[1], "abcd", 4) != 4) return 2;
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    printf("setuid %d\n", r);
    return 0;
}
"""

CXX_CANCEL = r"""
#include <cstdio>
#include <mutex>
#include <pthread.h>
#include <stdexcept>
#include <unistd.h>
static int fds[2];
static int destroyed;
struct Guard { ~Guard() { destroyed++; } };
static void inner() { Guard g; char c; if (read(fds[0], &c, 1) != 1) throw 1; }
static void *run(void *) { Guard g; inner(); return nullptr; }
int main() {
    if (pipe(fds) != 0) return 1;
    for (int i = 0; i < 20; i++) {
        pthread_t t; void *result;
        pthread_create(&t, nullptr, run, nullptr);
        if (i % 2 == 0) usleep(2000);
        pthread_cancel(t);
        pthread_join(t, &result);
        if (result != PTHREAD_CANCELED) return 2;
    }
    try { throw std::runtime_error("thrown and caught"); }
    catch (const std::exception &e) { std::puts(e.what()); }
    std::printf("%d destructors\n", destroyed >= 20 ? 1 : 0);
    return 0;
}
"""

C_ASAN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    char *p = malloc(10);
    strcpy(p, "fine");
    puts(p);
    free(p);
    return 0;
}
"""

PY_PROCESS = r"""
import subprocess, threading, multiprocessing, asyncio, os, signal, sys
def work(n): return n * n
def thread_sum():
    total = []
    ts = [threading.Thread(target=lambda i=i: total.append(
        int(subprocess.run(["expr", str(i), "+", "1"], stdout=subprocess.PIPE)
            .stdout))) for i in range(8)]
    [t.start() for t in ts]; [t.join() for t in ts]
    return sum(total)
async def shell(i):
    p = await asyncio.create_subprocess_exec("echo", str(i),
        stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate()
    return int(out)
async def main():
    return sum(await asyncio.gather(*[shell(i) for i in range(10)]))
if __name__ == "__main__":
    print(thread_sum())
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(pool.map(work, range(10)))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(work, range(5)))
    print(asyncio.run(main()))
    got = []
    signal.signal(signal.SIGUSR1, lambda *a: got.append(1))
    os.kill(os.getpid(), signal.SIGUSR1)
    print(got, signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]))
    r = subprocess.run([sys.executable, "-c",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
    print(r.returncode)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(w, b"from the child"); os._exit(3)
    print(os.read(r, 100), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

BASH = r"""
set -e
echo one two | tr a-z A-Z | sed 's/ /\n/' | sort -r
cat <<EOF
here document $((6 * 7))
EOF
trap 'echo usr1' USR1; kill -USR1 $$
trap 'echo exit trap' EXIT
(exit 7) || echo status $?
sleep 0.05 & wait $!; echo waited $?
mkfifo up; set -m; sh -c 'echo up > up; exec sleep 100' & p=$!
read -r x < up; kill -STOP %1; kill -CONT %1; kill -TERM %1
wait $p || echo job ended $?
for i in 1 2 3 4 5 6 7 8 9 10; do x=$(printf %s $i; /bin/echo .); echo $x; done
exec 5<>file; echo text >&5; exec 5>&-; cat file; read -r line < file
diff <(echo a) <(echo a) && echo same
timeout 0.2 sleep 5 || echo timeout $?
echo $(ulimit -n | grep -c .) $BASHPID | awk '{ print $1 }'
env -i /bin/sh -c 'echo clean'
yes | head -3
kill -l 11
bash -c 'kill -SEGV $$' 2>/dev/null || echo killed $?
"""

DASH = r"""
for i in 1 2 3; do echo $i | cat; done
x=$(seq 5 | wc -l); echo "$x"
trap 'echo term' TERM; kill -TERM $$
(sleep 0.05; exit 4) & wait $!; echo $?
"""

MAKE = r"""
for i in 1 2 3 4 5 6; do
    echo "int f$i(void); int f$i(void) { return $i; }" > f$i.c
done
echo '#include <stdio.h>
int f1(void), f2(void), f3(void), f4(void), f5(void), f6(void);
int main(void) { printf("%d\n", f1()+f2()+f3()+f4()+f5()+f6()); return 0; }' \
    > main.c
printf 'prog: main.o f1.o f2.o f3.o f4.o f5.o f6.o\n\tgcc -o $@ $^\n' > Makefile
make -s -j2 && ./prog
"""

GIT = r"""
export HOME=$PWD GIT_AUTHOR_DATE='1 Jan 2024 00:00:00 +0000'
export GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
git config --global user.email a@b; git config --global user.name a
git config --global init.defaultBranch main
git init -q r && cd r
for i in $(seq 20); do echo $i > f; git add f; git commit -qm "c $i"; done
git log --format=%H | sha256sum; git gc -q && git fsck 2>&1 | sort
cd .. && git clone -q r s && cat s/f && git -C s log --oneline | wc -l
git -C s diff HEAD~3 --stat | cat
"""

CURL = r"""
echo served > index.txt
python3 -u -c '
import http.server, os, sys
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
open("port", "w").write(str(s.server_address[1])); os.rename("port", "ready")
s.serve_forever()' & pid=$!
while [ ! -s ready ]; do :; done
curl -s http://127.0.0.1:$(cat ready)/index.txt
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:$(cat ready)/none
kill $pid; wait $pid 2>/dev/null; true
"""

REDIS = r"""
redis-server --port 0 --unixsocket $PWD/s --save '' --daemonize no \
    > log 2>&1 & pid=$!
until redis-cli -s $PWD/s ping 2>/dev/null | grep -q PONG; do :; done
redis-benchmark -s $PWD/s -n 2000 -c 20 -t set,get,lpush,lrange -q \
    | tr '\r' '\n' | grep -c 'requests per second'
redis-cli -s $PWD/s set k v; redis-cli -s $PWD/s get k
redis-cli -s $PWD/s bgsave | head -1
redis-cli -s $PWD/s shutdown nosave; wait $pid; echo $?
"""

NGINX = r"""
mkdir -p html tmp; echo page > html/index.html; chmod -R a+rX .
cat > nginx.conf <<EOF
worker_processes 2; pid $PWD/pid; error_log $PWD/error.log; daemon on;
events { worker_connections 64; }
http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp;
fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
server { listen unix:$PWD/sock; root $PWD/html; } }
EOF
nginx -p $PWD -c $PWD/nginx.conf 2>/dev/null
while [ ! -s pid ]; do :; done
for i in 1 2 3; do curl -s --unix-socket sock http://x/; done
echo second > html/index.html
kill -HUP $(cat pid)
curl -s --unix-socket sock http://x/
pid=$(cat pid); kill -QUIT $pid
while kill -0 $pid 2>/dev/null; do :; done; echo stopped
"""

JAVA = r"""
cat > T.java <<'EOF'
public class T {
    public static void main(String[] a) throws Exception {
        String s = null;
        try { s.length(); } catch (NullPointerException e) {
            System.out.println("npe"); }
        Thread[] t = new Thread[8]; int[] sum = new int[8];
        for (int i = 0; i < 8; i++) { final int n = i;
            t[i] = new Thread(() -> { for (int k = 0; k < 100000; k++)
                sum[n] += k % 7; }); t[i].start(); }
        int total = 0; for (int i = 0; i < 8; i++) { t[i].join();
            total += sum[i]; }
        System.out.println(total);
        Process p = new ProcessBuilder("echo", "child").inheritIO().start();
        System.out.println(p.waitFor());
        System.gc();
    }
}
EOF
java T.java
"""

NODE = r"""
node -e '
const cp = require("child_process"), fs = require("fs");
console.log(cp.execSync("echo child").toString().trim());
fs.writeFileSync("f", "x".repeat(100000));
const s = require("net").createServer(c => c.end("hello"));
s.listen(0, "127.0.0.1", () => {
  require("net").connect(s.address().port, "127.0.0.1")
    .on("data", d => console.log(d.toString())).on("end", () => s.close());
});
const { Worker } = require("worker_threads");
new Worker("require(\"worker_threads\").parentPort.postMessage(42)",
  { eval: true }).on("message", m => console.log("worker", m));
process.on("SIGUSR2", () => console.log("usr2"));
process.kill(process.pid, "SIGUSR2");
setTimeout(() => console.log(fs.statSync("f").size), 300);' | sort
"""

PERL = r"""
perl -e '$| = 1; $SIG{ALRM} = sub { print "alarm\n" };
alarm 1; sleep 3; print `echo sub`;
if (my $p = fork) { waitpid $p, 0; print $? >> 8, "\n" } else { exit 5 }
open my $f, "-|", "seq 3" or die; print <$f>;
use Socket; socketpair my $a, my $b, AF_UNIX, SOCK_STREAM, 0;
syswrite $a, "pair"; sysread $b, my $x, 4; print "$x\n";'
"""

TMUX = r"""
export TMUX_TMPDIR=$PWD TERM=xterm; unset TMUX
tmux -f /dev/null new-session -d -x 80 -y 24 'echo inside > out; sleep 100'
while [ ! -s out ]; do :; done; cat out
tmux list-sessions -F '#{session_windows}'
tmux send-keys -t 0 x; tmux kill-server; echo $?
"""

GDB = r"""
echo 'int main(void) { return 0; }' > m.c && gcc -g -o m m.c
gdb -batch -ex 'handle SIGSYS nostop noprint pass' -ex 'break main' -ex run \
    -ex 'bt 1' -ex continue ./m 2>/dev/null | grep -E '^#0|exited' \
    | sed 's/process [0-9]*/process/'
"""

STRACE = r"""
strace -f -o log sh -c 'echo traced; cat /dev/null'; grep -c 'exited with 0' log
"""

TOOLS = r"""
find /usr/include -name 'std*.h' | sort | head -5
tar cf - /etc/hostname 2>/dev/null | tar tf -
dd if=/dev/zero bs=1 count=3000 2>/dev/null | sha256sum
seq 10000 | sort -rn --parallel=2 | head -2
seq 100 | xargs -P 4 -n 10 echo | wc -l
printf 'a\nb\n' > f; cp f g; cmp f g && tail -1 g
nice -n 5 true; stdbuf -oL echo buf; nohup echo no 2>/dev/null
setsid -w echo setsid; env -i HOME=/ printenv HOME
"""

SH = ["/bin/sh", "-c"]
CASES = {
    "bash": (["bash"], ["bash", "-c", BASH]),
    "dash": (["dash"], ["dash", "-c", DASH]),
    "tools": ([], SH + [TOOLS]),
    "python": (["python3"], ["python3", "script.py"]),
    "git": (["git"], SH + [GIT]),
    "make": (["make", "gcc"], SH + [MAKE]),
    "curl": (["curl", "python3"], ["bash", "-c", CURL]),
    "redis": (["redis-server", "redis-benchmark"], ["bash", "-c", REDIS]),
    "nginx": (["nginx", "curl"], ["bash", "-c", NGINX]),
    "java": (["java"], SH + [JAVA]),
    "node": (["node"], SH + [NODE]),
    "perl": (["perl"], SH + [PERL]),
    "tmux": (["tmux"], SH + [TMUX]),
    "gdb": (["gdb", "gcc"], SH + [GDB]),
    "strace": (["strace"], SH + [STRACE]),
    "exit": (["gcc"], ["./prog"]),
    "setuid": (["gcc"], ["./prog"]),
    "cancel": (["g++"], ["./prog"]),
    "asan": (["gcc"], ["./prog"]),
    "go": (["go"], ["./prog"]),
}
SOURCES = {
    "exit": ("p.c", C_EXIT, ["gcc", "-pthread"]),
    "setuid": ("p.c", C_SETUID, ["gcc", "-pthread"]),
    "cancel": ("p.cc", CXX_CANCEL, ["g++", "-pthread"]),
    "asan": ("p.c", C_ASAN, ["gcc", "-fsanitize=address"]),
}


@functools.lru_cache
def compiler_home():
    """Go's compiler keeps what it has built below it."""
    home = os.environ.get("HOME", "")
    if os.access(home, os.W_OK):
        return home
    home = tempfile.mkdtemp(prefix="compat-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def prepare(name, where):
    if name == "python":
        with open(os.path.join(where, "script.py"), "w",
                  encoding="ascii") as f:
            f.write(PY_PROCESS)
    if name in SOURCES:
        base, text, compiler = SOURCES[name]
        with open(os.path.join(where, base), "w", encoding="ascii") as f:
            f.write(text)
        subprocess.run(compiler + ["-o", "prog", base], cwd=where, check=True)
    if name == "go":
        with open(os.path.join(where, "p.go"), "w", encoding="ascii") as f:
            f.write('package main\nimport ("fmt"; "net")\n'
                    'func main() { _, e := net.LookupHost("localhost"); '
                    'fmt.Println(e == nil) }\n')
        subprocess.run(["go", "build", "-o", "prog", "p.go"], cwd=where,
                       env={**os.environ, "HOME": compiler_home()},
                       check=True)


def run(name, command, library, mode=None):
    where = tempfile.mkdtemp(prefix="compat-")
    os.chmod(where, 0o755)
    try:
        prepare(name, where)
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("RUMP", "LD_", "MAKE", "MFLAGS"))}
        env.update(LC_ALL="C", ASAN_OPTIONS="verify_asan_link_order=0")
        if library:
            env.update(LD_PRELOAD=library, RUMP_FAKE_IDLE="1")
            if mode:
                env["RUMPKIT_ENGINE"] = mode
        done = subprocess.run(command, cwd=where, env=env, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Directory names differ between runs and mean nothing.
        out = re.sub(rb"compat-\w+", b"DIR", done.stdout)
        return done.returncode, out, done.stderr
    finally:
        shutil.rmtree(where, ignore_errors=True)


def compare(name, library):
    needs, command = CASES[name]
    absent = [p for p in needs if shutil.which(p) is None]
    if absent:
        print(f"{name}: skipped: {', '.join(absent)} not installed")
        return SKIP
    try:
        want = run(name, command, None)
    except subprocess.TimeoutExpired:
        print(f"{name}: skipped: does not end without the library either")
        return SKIP
    mode = os.environ.get("COMPAT_ENGINE")
    try:
        got = run(name, command, library, mode)
    except subprocess.TimeoutExpired:
        print(f"{name}: FAILED: hangs under the library")
        return 1
    if want[:2] != got[:2]:
        print(f"{name}: FAILED: without the library:\n{want}\nwith:\n{got}")
        return 1
    print(f"{name}: same")
    return 0


def loaded(library):
    """The library is there, and its children have it."""
    env = dict(os.environ, LD_PRELOAD=library, RUMP_FAKE_IDLE="1")
    out = subprocess.run(
        ["/bin/sh", "-c", "env -i /bin/grep -c $0 /proc/self/maps",
         os.path.basename(library)], env=env, stdout=subprocess.PIPE,
        check=False).stdout
    return int(out or 0) > 0


def main():
    library = os.path.abspath(sys.argv[1])
    if not loaded(library):
        print("the library does not get into children")
        return 1
    names = sys.argv[2:] or list(CASES)
    results = [compare(n, library) for n in names]
    if 1 in results:
        return 1
    return SKIP if all(r == SKIP for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
