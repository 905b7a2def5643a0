FROM a as one
FROM a AS two
FROM a AS three
RUN x
