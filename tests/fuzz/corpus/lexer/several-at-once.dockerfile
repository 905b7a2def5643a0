FROM alpine AS base
FROM alpine AS builder
WORKDR /app
COPY . .
RUN make
FROM alpine

COPY --from=bulder /a /b
EXPOSE
