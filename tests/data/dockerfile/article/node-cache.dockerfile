FROM node:20-alpine AS builder
WORKDIR /app
# Cache layer: dependencies rarely change
COPY package.json package-lock.json ./
RUN npm ci
# This layer changes with every source edit
COPY . .
RUN npm run build
FROM node:20-alpine
COPY --from=builder /app/dist ./dist
COPY --from=builder /app/node_modules ./node_modules
CMD ["node", "dist/server.js"]
