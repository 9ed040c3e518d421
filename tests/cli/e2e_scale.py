"""e2e_scale.py - the recipes of scale/ on small data: what many machines make equals what one makes.

Each runs the system that it is for, here alone and in a folder of its own: Slurm's daemons, PostgreSQL
with pgvector, Ray. One that is not installed is skipped.
"""

import getpass
import glob
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from unittest import TestCase, main

from e2e_support import BINARY, CLIPS, SOURCE

SCALE = os.path.join(SOURCE, "scale")
QUERY = "a dog"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def find(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def called(*argv, **how):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **how)
    if done.returncode:
        raise AssertionError("%s: exit %d\n%s%s" % (argv, done.returncode, done.stdout, done.stderr))
    return done.stdout


class ScaleCase(TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vblip-scale-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.env = {**os.environ, "VBLIP": BINARY, "XDG_DATA_HOME": self.path("data"), "VBLIP_OPTIONS": "--device cpu -v"}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def vblip(self, *arguments):
        return called(BINARY, *arguments, env=self.env)

    def environment(self, *packages):
        """A Python that has packages of PyPI."""
        folder = self.path("python")
        for argv in ([sys.executable, "-m", "venv", folder], [os.path.join(folder, "bin", "pip"), "install", "-q", *packages]):
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if done.returncode:
                self.skipTest("no %s: %s" % (" ".join(packages), (done.stderr or done.stdout).strip().splitlines()[-1]))
        return os.path.join(folder, "bin", "python")

    def wait_for(self, what, ready):
        give_up = time.monotonic() + 120
        while not ready():
            if time.monotonic() > give_up:
                logs = "".join(open(path, encoding="utf-8", errors="replace").read() for path in glob.glob(self.path("*.log")))
                self.fail("%s does not come\n%s" % (what, logs[-4000:]))
            time.sleep(0.3)

    def index_alone(self):
        """What a single process makes: its rows, vectors included."""
        self.vblip("index", "--device", "cpu", "--index", self.path("alone.index"), CLIPS)
        return self.vblip("export", self.path("alone.index"))


class Slurm(ScaleCase):
    TASKS = 3

    def configure(self):
        host, user = socket.gethostname().split(".")[0], getpass.getuser()
        for name in ("state", "spool"):
            os.mkdir(self.path(name))
        with open(self.path("key"), "wb") as file:
            file.write(secrets.token_bytes(1024))
        os.chmod(self.path("key"), 0o400)
        lines = {
            "ClusterName": "test", "SlurmctldHost": host, "SlurmUser": user, "SlurmdUser": user,
            "AuthType": "auth/munge", "AuthInfo": "socket=" + self.path("munge"), "CryptoType": "crypto/munge",
            "SlurmctldPort": free_port(), "SlurmdPort": free_port(), "StateSaveLocation": self.path("state"),
            "SlurmdSpoolDir": self.path("spool"), "SlurmctldPidFile": self.path("control.pid"),
            "SlurmdPidFile": self.path("node.pid"), "SlurmctldLogFile": self.path("control.log"),
            "SlurmdLogFile": self.path("node.log"), "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none",
            "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_CPU", "MpiDefault": "none", "ReturnToService": 2,
            "NodeName": "%s CPUs=%d State=UNKNOWN" % (host, os.cpu_count()),
            "PartitionName": "all Nodes=%s Default=YES MaxTime=INFINITE State=UP" % host,
        }
        with open(self.path("slurm.conf"), "w", encoding="ascii") as file:
            file.writelines("%s=%s\n" % line for line in lines.items())
        self.env["SLURM_CONF"] = self.path("slurm.conf")

    def begin(self, *argv):
        """A daemon in the foreground, ended when the test is."""
        with open(self.path(os.path.basename(argv[0]) + ".out"), "wb") as out:
            daemon = subprocess.Popen([find(argv[0]), *argv[1:]], env=self.env, stdout=out, stderr=out)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)

    def state_of(self, job):
        done = subprocess.run(["scontrol", "-o", "show", "job", job], env=self.env, capture_output=True, text=True, check=False)
        return {word.split("=")[1] for word in done.stdout.split() if word.startswith("JobState=")}

    def log(self, task):
        with open(self.path("out", "task-%d.log" % task), encoding="utf-8") as log:
            return log.read()

    def submit(self):
        job = called(os.path.join(SCALE, "slurm", "index.sh"), CLIPS, self.path("out"), str(self.TASKS), env=self.env).strip()
        self.wait_for("the end of the merge", lambda: self.state_of(job) & {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"})
        return self.state_of(job)

    def test_an_array_makes_what_one_process_makes(self):
        for program in ("munged", "slurmctld", "slurmd", "sbatch"):
            if not find(program):
                self.skipTest(program + " is not there")
        self.configure()
        self.begin("munged", "--foreground", "--force", "--key-file=" + self.path("key"), "--socket=" + self.path("munge"),
                   "--pid-file=" + self.path("munge.pid"), "--log-file=" + self.path("munge.log"),
                   "--seed-file=" + self.path("seed"))
        self.wait_for("munged", lambda: os.path.exists(self.path("munge")))
        self.begin("slurmctld", "-D")
        self.begin("slurmd", "-D")
        self.wait_for("an idle node", lambda: "idle" in subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=self.env, capture_output=True, text=True, check=False).stdout)
        wanted = self.index_alone()

        # A task that is lost fails the merge, and what the others made stays.
        vblip = self.path("vblip")
        with open(vblip, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\n[ "${SLURM_ARRAY_TASK_ID-}" != 2 ] || kill -9 $$\nexec "%s" "$@"\n' % BINARY)
        os.chmod(vblip, 0o755)
        self.env["VBLIP"] = vblip
        self.assertEqual(self.submit(), {"CANCELLED"})
        self.assertFalse(os.path.exists(self.path("out", "all.index")))
        made = sorted(os.path.basename(path) for path in glob.glob(self.path("out", "*.index")))
        self.assertEqual(made, ["shard-1-of-3.index", "shard-3-of-3.index"])
        self.assertIn(" new", self.log(1))

        self.env["VBLIP"] = BINARY
        self.assertEqual(self.submit(), {"COMPLETED"})
        self.assertEqual(self.vblip("export", self.path("out", "all.index")), wanted)
        for task in (1, 3): # nothing was encoded twice
            self.assertNotIn(" new", self.log(task))

        # A run that came to no end fails the merge, though its index is there: exit 4, and no totals.
        os.remove(self.path("out", "all.index"))
        self.env["VBLIP_OPTIONS"] += " --model " + self.path("nowhere")
        self.assertEqual(self.submit(), {"CANCELLED"})
        self.assertFalse(os.path.exists(self.path("out", "all.index")))


class Pgvector(ScaleCase):
    """The package pgserver of PyPI is PostgreSQL with pgvector, in a folder."""

    def serve(self, programs):
        """PostgreSQL as another user than root, which it refuses, on a socket in a folder of its own."""
        who = {"user": "nobody"} if os.getuid() == 0 else {}
        os.chmod(self.folder, 0o755)
        os.mkdir(self.path("pg"))
        if who:
            shutil.chown(self.path("pg"), **who)
        env = {**os.environ, "HOME": self.path("pg")}
        called(os.path.join(programs, "initdb"), "-D", self.path("pg", "data"), "-U", "vblip", "--auth=trust", env=env, **who)
        server = subprocess.Popen([os.path.join(programs, "postgres"), "-D", self.path("pg", "data"), "-k", self.path("pg"),
                                   "-h", ""], env=env, stderr=subprocess.DEVNULL, **who)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.env.update(PATH=programs + ":" + os.environ["PATH"], PGHOST=self.path("pg"), PGUSER="vblip",
                        PGDATABASE="postgres")
        self.wait_for("PostgreSQL", lambda: subprocess.run([os.path.join(programs, "pg_isready"), "-q"], env=self.env,
                                                           check=False).returncode == 0)

    def test_its_hits_are_those_of_a_search(self):
        python = self.environment("pgserver")
        self.serve(os.path.join(called(python, "-c", "import pgserver; print(pgserver.__path__[0])").strip(),
                                "pginstall", "bin"))
        self.index_alone()
        called(os.path.join(SCALE, "pgvector", "load.sh"), self.path("alone.index"), env=self.env)
        count = called("psql", "-qAt", "-c", "select count(*), min(vector_dims(embedding)) from segments", env=self.env)
        self.assertEqual(count, "16|128\n")
        found = called(os.path.join(SCALE, "pgvector", "search.sh"), QUERY, "8", env=self.env)
        wanted = self.vblip("retrieve", "--index", self.path("alone.index"), "--rerank", "8", "--top", "8", "-f", "jsonl", QUERY)
        found, wanted = ([json.loads(line) for line in text.splitlines()] for text in (found, wanted))
        self.assertEqual([row["path"] for row in found], [row["path"] for row in wanted])
        for row, hit in zip(found, wanted):
            self.assertAlmostEqual(row["itm_logit"], hit["itm_logit"], delta=1e-5) # batches of other sizes
            self.assertAlmostEqual(row["itc"], hit["itc"], delta=1e-3) # f32 beside f16
        # Whatever psql does for a person.
        with open(self.path("psqlrc"), "w", encoding="ascii") as file:
            file.write("\\timing on\n\\x on\n")
        self.env["PSQLRC"] = self.path("psqlrc")
        called(os.path.join(SCALE, "pgvector", "load.sh"), self.path("alone.index"), env=self.env)
        again = called(os.path.join(SCALE, "pgvector", "search.sh"), QUERY, "8", env=self.env)
        self.assertEqual([json.loads(line)["path"] for line in again.splitlines()], [row["path"] for row in wanted])
        del self.env["PSQLRC"]
        for candidates in ("abc", "0", "1001", "99999999999999999999", "-1"):
            refused = subprocess.run([os.path.join(SCALE, "pgvector", "search.sh"), QUERY, candidates], env=self.env,
                                     capture_output=True, text=True, check=False)
            self.assertEqual((refused.returncode, refused.stdout, refused.stderr),
                             (2, "", "search.sh: %s: expected 1 to 1000 candidates, as many as HNSW finds\n" % candidates))
        # What fails anywhere fails the search.
        for arguments, changed in (([QUERY, "8", "no_table"], {}), ([QUERY], {"PGHOST": self.path("nowhere")}),
                                   ([QUERY], {"VBLIP_MODEL": self.path("nowhere")})):
            failed = subprocess.run([os.path.join(SCALE, "pgvector", "search.sh"), *arguments], env={**self.env, **changed},
                                    capture_output=True, text=True, check=False)
            self.assertNotEqual(failed.returncode, 0, failed.stderr)
            self.assertEqual(failed.stdout, "")
        # The table is replaced as a whole, or stays.
        broken = subprocess.run([os.path.join(SCALE, "pgvector", "load.sh"), self.path("none.index")], env=self.env,
                                capture_output=True, text=True, check=False)
        self.assertNotEqual(broken.returncode, 0)
        self.assertIn("none.index: No such file or directory", broken.stderr)
        self.assertEqual(called("psql", "-qAt", "-c", "select count(*) from segments", env=self.env), "16\n")


class Ray(ScaleCase):
    def run_recipe(self, *arguments):
        called(self.python, os.path.join(SCALE, "ray", "caption.py"), CLIPS, self.path("out"), "--workers", "2", *arguments,
               env=self.env)
        return {os.path.basename(path): open(path, encoding="utf-8").read() for path in glob.glob(self.path("out", "*"))}

    def test_workers_make_what_one_process_makes(self):
        self.python = self.environment("ray", "pyarrow", "pandas")
        self.env.update(RAY_USAGE_STATS_ENABLED="0", RAY_DATA_DISABLE_PROGRESS_BARS="1", RAY_TMPDIR=self.path("ray"),
                        HOME=self.folder)
        # Every worker ends after two jobs; others take over.
        mortal = self.path("mortal")
        with open(mortal, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nsed -u 2q | "%s" "$@" --device cpu\n' % BINARY)
        os.chmod(mortal, 0o755)
        self.env["VBLIP"] = mortal
        made = self.run_recipe()
        self.assertEqual(len(made), 16)
        wanted = self.vblip("caption", "--device", "cpu", "-q", "-f", "jsonl", CLIPS)
        self.assertEqual("".join(made[name] for name in sorted(made)), wanted)
        # Only what is missing is done again.
        os.remove(self.path("out", "clip-03.mp4.jsonl"))
        before = {path: os.stat(path).st_mtime_ns for path in glob.glob(self.path("out", "*"))}
        self.assertEqual(self.run_recipe(), made)
        self.assertEqual({path: os.stat(path).st_mtime_ns for path in before}, before)
        # What kills the worker is an error of one recording.
        with open(mortal, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\nread -r job\ncase $job in *clip-03*) kill -KILL $$ ;; esac\n'
                       'printf "%%s\\n" "$job" | "%s" "$@" --device cpu\n' % BINARY)
        os.remove(self.path("out", "clip-03.mp4.jsonl"))
        os.remove(self.path("out", "clip-04.mp4.jsonl"))
        with self.assertRaises(AssertionError):
            self.run_recipe()
        with open(self.path("out", "clip-03.mp4.error"), encoding="utf-8") as file:
            self.assertIn("clip-03.mp4: the worker is killed by it, with signal 9", file.read())
        self.assertTrue(os.path.exists(self.path("out", "clip-04.mp4.jsonl")))
        # What failed before is told, and a folder that is not there is no folder without recordings.
        for videos, status, told in ((CLIPS, 3, "0 recordings to do, 15 are done, 1 failed before"),
                                     (self.path("nowhere"), 2, "nowhere: no directory")):
            done = subprocess.run([self.python, os.path.join(SCALE, "ray", "caption.py"), videos, self.path("out")],
                                  env=self.env, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(told, done.stderr)


if __name__ == "__main__":
    ended = main(exit=False).result
    sys.exit(1 if not ended.wasSuccessful() else 77 if ended.skipped else 0)
