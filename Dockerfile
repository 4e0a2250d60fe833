# One file, one image for every role, and a second target for the embedded AWS of a laptop.
#   runtime  api, worker and the Lambda functions: production dependencies and JavaScript
#   local    the embedded AWS, for docker compose

FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production

# Everything, to build with.
FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --include=dev
COPY tsconfig.json ./
COPY services services
RUN npm run build && rm -r dist/services/local

# What runs in production, and nothing that only builds or tests.
FROM base AS dependencies
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

# AWS's Lambda runtime client compiles an add-on. Its compiler stays behind in this stage.
FROM base AS lambda-client
RUN apt-get update \
 && apt-get install --yes --no-install-recommends autoconf automake cmake g++ libtool make python3 xz-utils \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /lambda
RUN npm_config_nodedir=/usr/local npm install --omit=dev --no-package-lock aws-lambda-ric@4.0.2

FROM base AS local
COPY package.json package-lock.json ./
# The servers are development dependencies; what only checks and tests is taken out again.
RUN npm ci --include=dev \
 && npm uninstall --no-save --include=dev @biomejs/biome @types/aws-lambda @types/node aws-cdk aws-cdk-lib cdk-nag \
    constructs node tap typescript \
 && rm -rf /root/.npm
COPY services services
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
ENTRYPOINT ["node", "services/local/aws.ts"]

FROM base AS runtime
COPY --from=dependencies /app/node_modules node_modules
COPY --from=lambda-client /lambda/node_modules /lambda/node_modules
COPY --from=build /app/dist/services dist/services
COPY package.json LICENSE ./
USER node
# As a Lambda function: entry point `node /lambda/node_modules/aws-lambda-ric/index.mjs`, command
# `dist/services/api/lambda.handler` or `dist/services/worker/lambda.handler`.
CMD ["node", "dist/services/api/server.js"]
