FROM a
COPY --link= a /a
