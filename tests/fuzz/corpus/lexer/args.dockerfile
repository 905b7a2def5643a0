ARG GO_VERSION=1.22
FROM golang:${GO_VERSION}-alpine AS builder
ARG APP_VERSION=latest
WORKDIR /app
COPY . .
RUN go build -ldflags="-X main.version=${APP_VERSION}" -o /server
FROM alpine:3.19
COPY --from=builder /server /server
CMD ["/server"]
