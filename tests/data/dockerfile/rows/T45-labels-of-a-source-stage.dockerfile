FROM a AS src
LABEL l=1
ENV E=1
USER u
FROM b
COPY --from=src /x /x
