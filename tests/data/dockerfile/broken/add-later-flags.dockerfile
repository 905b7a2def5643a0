FROM alpine
ADD --from=x a b
ADD --parents a b
COPY --unpack a b
COPY --keep-git-dir a b
COPY --checksum=x a b
ADD --keep-git-dir=maybe a b
