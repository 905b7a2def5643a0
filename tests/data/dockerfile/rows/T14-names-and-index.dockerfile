FROM a AS Build
FROM b
COPY --from=BUILD /a /a
COPY --from=0 /b /b
