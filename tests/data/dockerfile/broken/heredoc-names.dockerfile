FROM alpine
COPY <<a/b <<.. /x/
one
a/b
two
..
RUN <<a/b
#!/bin/sh
a/b
RUN cat <<a/b
fine: the shell reads it
a/b
COPY a <<EOF
the destination
EOF
ADD a;<<EOF /x
part of a word
EOF
ONBUILD COPY <<EOF
no destination
EOF
COPY <<EOF /x
line
${broken
EOF
WORKDR x
