# check=error=true
FROM alpine
RUN a \

  b
