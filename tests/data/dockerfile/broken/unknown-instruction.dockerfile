FROM alpine
WORKDR /app
RUN make
