from a
run x
RUN y
