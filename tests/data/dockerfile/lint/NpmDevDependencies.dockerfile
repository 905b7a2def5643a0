FROM a AS one
COPY package*.json ./
RUN npm ci --only=production
COPY . .
RUN npm run build
FROM a AS two
COPY package.json .
RUN npm ci
RUN npm run build && npm prune --omit=dev
FROM a AS three
ENV NODE_ENV=production
COPY sub/package.json .
RUN npm install && npm test
FROM a AS four
RUN npm install --omit=dev && npm run plain
FROM one AS five
RUN NODE_OPTIONS=x npm run indirect
FROM a AS six
RUN npm ci --omit=dev
RUN npm ci && npm run build
FROM a AS seven
COPY absent/package.json .
RUN yarn install --production && yarn build
