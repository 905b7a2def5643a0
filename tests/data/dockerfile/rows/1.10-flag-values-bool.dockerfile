FROM a
COPY --link a /a
COPY --link=TRUE a /a
COPY --link=False a /a
