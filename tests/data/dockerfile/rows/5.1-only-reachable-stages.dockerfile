FROM missing AS unused
RUN x
FROM a AS one
FROM b AS two
COPY --from=one /a /b
