FROM a AS one
FROM b AS two
FROM c
COPY --from=0 /a /a
COPY --from=TWO /b /b
COPY --from=image:1 /c /c
