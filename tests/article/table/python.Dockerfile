# Python in one stage; BASE is python:3.12 or python:3.12-alpine
ARG BASE
FROM $BASE
WORKDIR /app
COPY . .
RUN pip install --user --no-cache-dir -r requirements.txt
ENV PATH=/root/.local/bin:$PATH
EXPOSE 8000
CMD ["uvicorn", "main:app", "--host", "0.0.0.0"]
