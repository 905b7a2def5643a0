FROM a
COPY --chown="1"0 a /a
COPY --chmod='0'6"4"4 b /b
COPY -- --chown=1 c /c/
COPY d --chown=1 /d/
