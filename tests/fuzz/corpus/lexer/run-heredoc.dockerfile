FROM alpine
RUN <<EOF
apk add curl
EOF
RUN echo $((1<<2)) "<<a" '<<b' <<<word
