FROM a AS one
ENV X=1
FROM b AS one
ENV X=2
FROM c
COPY --from=one /a /a
FROM one
