# Python in two stages, the second on distroless
FROM python:3.12-slim AS builder
WORKDIR /app
COPY requirements.txt .
RUN pip install --user --no-cache-dir -r requirements.txt
FROM gcr.io/distroless/python3-debian12
WORKDIR /app
COPY --from=builder --chown=nonroot /root/.local /home/nonroot/.local
COPY . .
EXPOSE 8000
USER nonroot
CMD ["-m", "uvicorn", "main:app", "--host", "0.0.0.0"]
