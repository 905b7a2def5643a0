FROM alpine
[31mRUN x
COPY --from=[2J a b
