FROM a
ARG K=v
RUN a && b
RUN ["a", "b c"]
