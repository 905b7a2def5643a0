FROM alpine
ADD https://example.com/x.git#--upload-pack=touch /
ADD git@-oProxyCommand=x:a/b.git /
ADD https://example.com/x.git?depth=1 /
ADD https://example.com/x.git#main:../../etc /
ADD --checksum=sha256:0 https://example.com/x /
ADD --checksum=0123 https://example.com/x.git /
ADD --checksum=sha256:0 https://example.com/x https://example.com/y /
ADD --keep-git-dir=false https://example.com/x.git?keep-git-dir=true /
COPY https://example.com/x /
