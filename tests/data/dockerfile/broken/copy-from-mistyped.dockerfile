FROM alpine AS base
FROM alpine AS builder
FROM alpine
COPY --from=bulder /a /b
