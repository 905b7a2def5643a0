FROM alpine AS builder
FROM bulder AS x
