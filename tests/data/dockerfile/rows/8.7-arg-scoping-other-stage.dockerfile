ARG V=1
FROM a AS one
ARG V
FROM a
ENV G=[$V]
COPY --from=one /x /x
