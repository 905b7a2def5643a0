FROM a
COPY --chmod=0644 --chown=1:2 a b /c/
ADD ["a b", "/c"]
COPY --parents x/y /z/
