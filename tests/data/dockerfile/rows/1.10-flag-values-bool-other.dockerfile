FROM a
COPY --link=yes a /a
