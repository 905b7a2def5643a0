FROM alpine
RUN cat <<EOF
no end
