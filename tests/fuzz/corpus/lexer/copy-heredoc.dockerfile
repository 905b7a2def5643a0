FROM alpine
COPY <<EOF /a
RUN not an instruction
EOF
WORKDR x
