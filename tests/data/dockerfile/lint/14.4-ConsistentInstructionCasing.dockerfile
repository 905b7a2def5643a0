FROM a
RUN x
Run y
run z
COPY a b
