FROM missing AS ctx
RUN x
FROM a
COPY --from=ctx /a /b
