FROM alpine
ARG SOURCE_DATE_EPOCH=yesterday
