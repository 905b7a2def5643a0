FROM alpine
RUN a && \

  # comment
  b
COPY \
  --chwon=1 \
  a \
  b
