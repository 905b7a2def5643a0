FROM alpine
ARG A=1
COPY <<EOF /x
$A
${A:?}
${broken
EOF
