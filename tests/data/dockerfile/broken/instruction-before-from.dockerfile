RUN make
COPY . .
FROM alpine
