FROM alpine AS a
ONBUILD COPY --from=9 x y
