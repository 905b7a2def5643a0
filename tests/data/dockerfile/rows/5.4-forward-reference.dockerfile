FROM a AS one
COPY --from=two /a /a
FROM b AS two
COPY --from=one /a /a
