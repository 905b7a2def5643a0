FROM alpine
ADD --checksum=sha256:0 a b
ADD --keep-git-dir a b
ADD --unpack=false a b
ADD --from=x a b
