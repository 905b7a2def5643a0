FROM alpine
COPY https://example.com/a b
