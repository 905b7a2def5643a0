FROM alpine
COPY --chown=4294967296 a b
COPY --chown=a:b:c a b
