FROM scratch
ADD --keep-git-dir a /a
ADD --keep-git-dir https://example.com/x /x
ADD --keep-git-dir=false a /a
ADD --keep-git-dir https://example.com/x.git /y
