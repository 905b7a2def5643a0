# Node.js in one stage; BASE is node:20 or node:20-alpine
ARG BASE
FROM $BASE
WORKDIR /app
COPY . .
RUN npm ci && npm run build
EXPOSE 3000
CMD ["node", "dist/server.js"]
