FROM a
COPY --chown a /a
