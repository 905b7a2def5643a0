FROM --platform=linux/s390x alpine
