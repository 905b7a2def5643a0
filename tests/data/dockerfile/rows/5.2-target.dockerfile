FROM a AS One
RUN x
FROM missing
