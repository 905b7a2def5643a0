#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
cut - takes the Dockerfiles out of an article's plain text, unchanged.

usage: cut.py ARTICLE FOLDER     writes FOLDER/1/Dockerfile, FOLDER/2/Dockerfile...; prints one line each

A Dockerfile is a run of lines that are instructions, comments or continuations, with a FROM among them. In a
text without marks, a line is an instruction when its first word is one in capitals and the rest looks like
its arguments. The ignore file of the article (the lines from ".git" to ".gitignore") becomes FOLDER/dockerignore.
"""
import os
import re
import sys

INSTRUCTION = re.compile(r"^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|ONBUILD|RUN|SHELL|STOPSIGNAL"
                         r"|USER|VOLUME|WORKDIR)\s+\S")


def blocks(lines):
    """Runs of lines that could be a Dockerfile."""
    run, continued = [], False
    for line in lines + [""]:
        if continued or INSTRUCTION.match(line) or line.startswith("# "):
            run.append(line)
            continued = line.endswith("\\")
            continue
        if any(part.startswith("FROM ") for part in run):
            yield run
        run, continued = [], False


def ignore_file(lines):
    for i, line in enumerate(lines):
        if line == ".git":
            end = lines.index(".gitignore", i)
            return lines[i:end + 1]
    return []


def main(article, folder):
    with open(article, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for n, block in enumerate(blocks(lines), 1):
        os.makedirs(os.path.join(folder, str(n)), exist_ok=True)
        with open(os.path.join(folder, str(n), "Dockerfile"), "w", encoding="utf-8") as f:
            f.write("\n".join(block) + "\n")
        print(n, " ".join(line.split()[1] for line in block if line.startswith("FROM ")))
    with open(os.path.join(folder, "dockerignore"), "w", encoding="utf-8") as f:
        f.write("\n".join(ignore_file(lines)) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__.strip())
    main(sys.argv[1], sys.argv[2])
