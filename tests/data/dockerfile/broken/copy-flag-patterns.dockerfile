FROM alpine
COPY --exclude= a b
COPY --exclude=[x --exclude=! a b
COPY --parents a[ b
COPY --chmod=u=rwXy a b
COPY --chmod=8 --link a b
COPY --chmod=010000 a b
