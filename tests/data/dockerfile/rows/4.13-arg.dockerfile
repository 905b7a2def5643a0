FROM a
ARG A B=1 C="x y"
RUN x
