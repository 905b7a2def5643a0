FROM alpine
COPY --link=yes a b
COPY --link= --parents=1 a b
COPY --exclude a b
COPY --exclude= a b
COPY --exclude=[x --exclude=! a b
COPY --parents a[ b
COPY --parents --parents a b
COPY --parnets a b
