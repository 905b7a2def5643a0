FROM missing:1 AS one
COPY $X /y
EXPOSE $PORT
FROM one
COPY --from=missing:2 /a /b
USER $WHO
