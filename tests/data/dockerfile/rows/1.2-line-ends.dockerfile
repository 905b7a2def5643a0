FROM a
ENV A=1 \
  B=2
RUN echo \
  x
LABEL l=1
