FROM golang:1.22-alpine AS builder
WORKDIR /app
COPY . .
RUN go build -o /server .
FROM gcr.io/distroless/static-debian12:latest
COPY --from=builder /server /server
EXPOSE 8080
USER nonroot:nonroot
ENTRYPOINT ["/server"]
