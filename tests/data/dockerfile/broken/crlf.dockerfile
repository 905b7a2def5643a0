FROM alpine
RUN a \
  b
WORKDR x
