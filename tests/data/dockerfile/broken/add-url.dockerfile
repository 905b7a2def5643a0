FROM alpine
ADD https://example.com/x.tar /
ADD git@github.com:a/b.git /
