# SPDX-License-Identifier: Apache-2.0
"""test_tools - what test runs of Python programs do with files and processes; of the case 28-git-python."""
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest


def square(n):
    return n * n


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_tree(self):
        for i in range(20):
            os.makedirs(self.path("a%d/b/c" % i))
            with open(self.path("a%d/b/c/f" % i), "w") as f:
                f.write(str(i))
        shutil.copytree(self.path("a3"), self.path("copy"))
        self.assertEqual(sum(len(files) for _, _, files in os.walk(self.folder)), 21)
        os.rename(self.path("copy"), self.path("moved"))
        self.assertEqual(os.path.realpath(self.path("moved/b/../b/c/f")), self.path("moved/b/c/f"))

    def test_links(self):
        with open(self.path("f"), "w") as f:
            f.write("x")
        os.symlink("f", self.path("l"))
        os.link(self.path("f"), self.path("h"))
        self.assertEqual(os.stat(self.path("l")).st_ino, os.stat(self.path("h")).st_ino)
        os.chown(self.path("h"), 5, 6)
        os.chmod(self.path("h"), 0o4750)
        self.assertEqual((os.stat(self.path("f")).st_uid, os.stat(self.path("f")).st_mode & 0o7777), (5, 0o4750))

    def test_descriptors(self):
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        os.mkdir("d", dir_fd=fd)
        with open(os.open("d/f", os.O_CREAT | os.O_WRONLY, dir_fd=fd), "w") as f:
            f.write("y")
        self.assertEqual(os.listdir(fd), ["d"])
        self.assertEqual(os.readlink("/proc/self/fd/%d" % fd), self.folder)
        os.unlink("d/f", dir_fd=fd)
        os.close(fd)

    def test_socket(self):
        server = socket.socket(socket.AF_UNIX)
        server.bind(self.path("s"))
        server.listen()
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path("s"))
        client.sendall(b"z")
        self.assertEqual(server.accept()[0].recv(1), b"z")
        client.close()
        server.close()


class Processes(unittest.TestCase):
    def test_pool(self):
        with multiprocessing.Pool(3) as pool:
            self.assertEqual(pool.map(square, range(50)), [n * n for n in range(50)])

    def test_threads(self):
        results = []
        threads = [threading.Thread(target=lambda: results.append(subprocess.run(["true"], check=True).returncode)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [0] * 8)

    def test_pipe(self):
        p = subprocess.run("cd /usr && find . -name '*.py' | sort | head -n 3 | wc -l", shell=True, stdout=subprocess.PIPE, check=True)
        self.assertEqual(p.stdout.strip(), b"3")
