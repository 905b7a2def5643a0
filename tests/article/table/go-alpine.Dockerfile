# Go in one stage on the small base
FROM golang:1.22-alpine
WORKDIR /app
COPY . .
RUN go build -o server .
EXPOSE 8080
ENTRYPOINT ["./server"]
