FROM alpine
ADD --checksum=sha256:0 a b
ADD --checksum=sha256:0 a b c/
