FROM alpine
ADD --checksum=sha256:0 a b
ADD --keep-git-dir a b
ADD --checksum=sha256:0 a b c/
ADD --from=x a b
ADD --parents a b
COPY --unpack a b
