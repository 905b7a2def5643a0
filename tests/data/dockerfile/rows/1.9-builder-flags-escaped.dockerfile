FROM a
COPY --chown=1\0:1 a /a
