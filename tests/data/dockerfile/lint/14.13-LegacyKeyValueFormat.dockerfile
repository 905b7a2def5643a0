FROM a
ENV a b c
LABEL a b
ENV a=b c=d
ARG x=y
